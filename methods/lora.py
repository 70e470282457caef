"""LoRA: low-rank updates of frozen weights, by peft (Hu et al., ICLR 2022), with a fresh head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.peft_base import PeftMethod
from bench.registry import method


@method("lora", family="low_rank")
@dataclass(frozen=True)
class Lora(PeftMethod):
    """Trains low-rank updates of a transformer's linear layers, or of a CNN's convolutions: W x + scale·B A x.

    A starts by kaiming uniform, and B at zero. `alpha` is a multiple of the rank, so that the scale of the update does
    not change with the rank. Recipe: scale 1 and dropout 0.1 before A, as NOAH (Zhang et al. 2022, commit e9c55f3 of
    ZhangYuanhan-AI/NOAH). NOAH adapts qkv alone, as `targets=qkv` does here; later papers adapt all linear layers
    (SNELL, NeurIPS 2024).
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((2, 4, 8, 16, 32)),
        "alpha": FloatDistribution(0.5, 8.0, log=True),
        "targets": CategoricalDistribution(grids.TARGETS),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    quick: ClassVar[Mapping[str, Any]] = {**PeftMethod.quick, "alpha": 2.0, "lr": 2e-3, "dropout": 0.0}
    prefix: ClassVar[str] = "lora_"

    rank: int = 8
    alpha: float = 1.0
    dropout: float = 0.1

    @property
    def width(self) -> int:
        """An update has at most the rank of its layer."""
        return self.rank

    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """As peft calls them."""
        scale, dropout = self.alpha * self.rank, self.dropout
        return {"peft_type": "LORA", "r": self.rank, "lora_alpha": scale, "lora_dropout": dropout}
