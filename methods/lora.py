"""LoRA: low-rank updates of frozen weights, by peft (Hu et al., ICLR 2022), with a fresh head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.peft_base import PeftMethod
from bench.registry import method


@method("lora", family="low_rank")
@dataclass(frozen=True)
class Lora(PeftMethod):
    """Trains low-rank updates of the attention and MLP projections of a transformer, or of a CNN's convolutions.

    The backbone's own weights and batch statistics stay as they are, and A, B and the head are kept. `alpha` is a
    multiple of the rank, so that the scale of the update does not change with the rank.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((2, 4, 8, 16, 32)),
        "alpha": FloatDistribution(0.5, 8.0, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    quick: ClassVar[Mapping[str, Any]] = {**PeftMethod.quick, "alpha": 2.0, "lr": 2e-3}
    prefix: ClassVar[str] = "lora_"

    rank: int = 8
    alpha: float = 1.0

    def config(self) -> dict[str, Any]:
        """As peft calls them."""
        return {"peft_type": "LORA", "r": self.rank, "lora_alpha": self.alpha * self.rank}
