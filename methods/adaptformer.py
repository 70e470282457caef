"""AdaptFormer: a bottleneck beside each MLP of a transformer (Chen et al., NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import adapters, places, torch
from bench.registry import method


@method("adaptformer", family="adapters")
@dataclass(frozen=True)
class AdaptFormer(InsertedMethod):
    """Adds scale · up(dropout(ReLU(down(x)))) to the branch of each MLP, where x is what enters its norm.

    Source: the paper's section 3.2, and ShoufaChen/AdaptFormer@6967d67, models/adapter.py. Its VTAB figures are
    those of others, with 8 hidden numbers (Zhang et al. 2022, NOAH, and Jie et al. 2023), whose recipe this is.
    """

    # Sizes and scales around those of the neutral study of OSU-MLB/ViT_PEFT_Vision@cea7e21.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "hidden": CategoricalDistribution((4, 8, 16, 32, 64)),
        "scale": FloatDistribution(0.03, 0.3, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    hidden: int = 8
    scale: float = 0.1
    dropout: float = 0.1

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without pre-norm blocks of a transformer."""
        return places.needs_blocks(network, "adaptformer")

    def insert(self, network: torch.nn.Module) -> None:
        """A bottleneck beside each MLP."""
        for block in places.transformer_blocks(network):
            relu = torch.nn.ReLU()
            module = adapters.Bottleneck(block.mlp.width, self.hidden, relu, self.dropout, self.scale)
            block.mlp.beside("adaptformer", module, normed=False)
