"""Adapter+: a bottleneck with a learned scale behind each block (Steitz and Roth, CVPR 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import adapters, places, torch
from bench.registry import method


@method("adapter_plus", family="adapters", extra=True)
@dataclass(frozen=True)
class AdapterPlus(InsertedMethod):
    """Puts x + c · up(GELU(down(x))) behind each block, with a learned scale c for each channel, and no tuning by task.

    Source: "Adapters Strike Back", section 3, and visinf/adapter_plus@191c4ab, adapter_plus/vit_adapter.py.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "hidden": CategoricalDistribution((1, 2, 4, 8, 16, 32)),  # as its conf/
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    hidden: int = 8

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without pre-norm blocks of a transformer."""
        return places.needs_blocks(network, "adapter_plus")

    def insert(self, network: torch.nn.Module) -> None:
        """A bottleneck behind each block, which may be dropped as often as the last block's branches."""
        for block in places.transformer_blocks(network):
            module = adapters.ScaledBottleneck(block.mlp.width, self.hidden, self.drop_path)
            block.behind("adapter_plus", adapters.Residual(module))
