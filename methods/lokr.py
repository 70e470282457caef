"""LoKr: updates that are Kronecker products, by peft (Yeh et al., ICLR 2024; from KohakuBlueleaf/LyCORIS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.peft_base import PeftMethod
from bench.registry import method


@method("lokr", family="low_rank", extra=True)
@dataclass(frozen=True)
class Lokr(PeftMethod):
    """Adds scale·kron(C, B A) to the weights of a transformer's linear layers, or of a CNN's convolutions.

    The two factors of a layer's width are as equal as they can be, and the larger block is of low rank where that is
    smaller. C starts at zero, B and A by kaiming uniform. `alpha` is a multiple of the rank. About fourteen times
    smaller than LoRA of the same rank on a ViT. The paper adapts diffusion models and gives no recipe for
    classification, so the recipe is that of `lora`, without dropout.
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
    quick: ClassVar[Mapping[str, Any]] = {**PeftMethod.quick, "lr": 3e-3}
    prefix: ClassVar[str] = "lokr_"

    rank: int = 8
    alpha: float = 1.0

    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """As peft calls them."""
        return {"peft_type": "LOKR", "r": self.rank, "alpha": self.alpha * self.rank}
