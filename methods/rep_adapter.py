"""RepAdapter: linear bottlenecks before attention and MLP, which fold into the layers behind (Luo et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import FoldedMethod
from bench.adapt.lazy import adapters, places, torch
from bench.registry import method


@method("rep_adapter", family="adapters", extra=True)
@dataclass(frozen=True)
class RepAdapter(FoldedMethod):
    """Puts y + scale · up(dropout(down(y))) behind both norms of each block; `up` works in two groups of channels.

    Without an activation it folds into the layers for queries, keys and values, and into the MLP's first. Its scale is
    tuned by task by its authors; here it is 1.

    Source: arXiv:2302.08106, section 3.2, and luogen1996/RepAdapter@360992f, repadapter.py.
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
    groups: int = 2
    scale: float = 1.0
    dropout: float = 0.1

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network that is no plain ViT whose layers have biases."""
        refused = places.needs_tokens(network, "rep_adapter")
        whole: Any = network
        if refused is None and whole.blocks[0].attn.qkv.bias is None:
            return f"rep_adapter folds into layers with a bias, which those of {type(network).__name__} have not"
        return refused

    def insert(self, network: torch.nn.Module) -> None:
        """A linear adapter behind each norm."""
        for block in places.transformer_blocks(network):
            for name, branch in (("rep_attention", block.attention), ("rep_mlp", block.mlp)):
                module = adapters.LinearAdapter(branch.width, self.hidden, self.groups, self.dropout, self.scale)
                branch.before(name, module)

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with each adapter folded into the layer behind it."""
        for block in places.transformer_blocks(network):
            whole: Any = block.module
            for name, branch, layer in (
                ("rep_attention", block.attention, whole.attn.qkv), ("rep_mlp", block.mlp, whole.mlp.fc1)
            ):  # fmt: skip
                whole.get_submodule(name).fold(layer)
                branch.remove(name)
        return network
