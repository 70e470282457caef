"""(IA)³: learned scales of activations inside of a frozen network, by peft (Liu et al., NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.peft_base import PeftMethod, exactly
from bench.registry import method


@method("ia3", family="low_rank", extra=True)
@dataclass(frozen=True)
class Ia3(PeftMethod):
    """Scales what the layers give, and what the second layer of each MLP reads; every scale starts at 1.

    The paper scales keys, values and the inner activations of the MLP; timm's layers give queries, keys and values
    together, and so are scaled together. On a CNN each convolution's channels are scaled, of 1x1 and larger kernels
    alike. Recipe: learning rate 3e-3 as in the paper's T-Few, with AdamW in place of Adafactor; no weight decay, which
    would pull scales to 0.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "targets": CategoricalDistribution(grids.TARGETS),
        "lr": FloatDistribution(3e-4, 3e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": (3e-3, 1e-3, 3e-4, 1e-2)}
    quick: ClassVar[Mapping[str, Any]] = {**PeftMethod.quick, "lr": 1e-2}
    prefix: ClassVar[str] = "ia3_"

    lr: float | None = 3e-3
    weight_decay: float = 0.0

    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """As peft calls them."""
        inner = [name for name in layers if name.endswith(".fc2") and "mlp" in name]
        return {"peft_type": "IA3", "feedforward_modules": exactly(inner)}
