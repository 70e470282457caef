"""Convpass: a bottleneck with a 3 × 3 convolution over the patches, beside attention and MLP (Jie and Deng 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import adapters, places, torch
from bench.registry import method


@method("convpass", family="adapters", extra=True)
@dataclass(frozen=True)
class Convpass(InsertedMethod):
    """Adds scale · up(dropout(g(conv(g(down(norm(x))))))) to both branches of each block, with g the quick GELU.

    Source: arXiv:2207.07039, section 3.2, and JieShibo/PETL-ViT@026e4f1, convpass/vtab. Its scale is tuned by task
    there; here it is 1.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "hidden": CategoricalDistribution((4, 8, 16)),
        "scale": FloatDistribution(0.1, 10.0, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    hidden: int = 8
    scale: float = 1.0
    dropout: float = 0.1

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network that is no plain ViT."""
        return places.needs_tokens(network, "convpass")

    def insert(self, network: torch.nn.Module) -> None:
        """A bottleneck with a convolution beside each branch."""
        found = places.tokens(network)
        grid = adapters.Grid(found.prefix, found.rows, found.columns)
        for block in found.blocks:
            for name, branch in (("convpass_attention", block.attention), ("convpass_mlp", block.mlp)):
                module = adapters.ConvolutionPass(
                    branch.width, self.hidden, grid, self.dropout, self.drop_path, self.scale
                )
                branch.beside(name, module, normed=True)
