"""Surgical fine-tuning: each tensor has a learning rate of its own, by how large its gradients are (Auto-RGN)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.lazy import relative_rates, torch, training
from bench.adapt.subset import SubsetMethod
from bench.registry import method
from bench.spec import Backbone


@method("surgical", family="weights", extra=True)
@dataclass(frozen=True)
class Surgical(SubsetMethod):
    """Trains every weight w but those of batch norm at a rate `lr` · r / max r, with r = ||∂L/∂w|| / ||w||.

    r is the mean over five batches before each epoch, and the optimiser starts afresh there. A tensor of zeros has no
    ratio, and the whole rate. The head starts as the converged probe.

    Source: Lee et al. 2023, Auto-RGN (anniesch/surgical-finetuning@effeec3, main.py): Adam, rates from 1e-5 to 1e-1
    that validation images choose, weight decay of 1e-4, 15 epochs on 1,000 images.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "epochs": CategoricalDistribution((10, 15, 30, 60)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": (1e-3, 1e-4, 1e-2, 1e-1)}

    lr: float | None = 1e-3
    epochs: int = 15
    drop_path: float = 0.0
    head: str = "probe"

    @property
    def passes(self) -> float:
        """Those of a training, and what the five batches of an epoch are of about twenty."""
        return super().passes * 1.25

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """Every parameter but those of batch norm."""
        left_out = {
            id(weight)
            for module in network.modules()
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
            for weight in module.parameters()
        }
        return [name for name, weight in network.named_parameters() if id(weight) not in left_out]

    def rule(self, backbone: Backbone, network: torch.nn.Module) -> training.Rule:
        """New rates before each epoch."""
        return relative_rates.RelativeRates()
