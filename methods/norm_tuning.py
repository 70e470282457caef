"""Norm tuning: only the scales and shifts of normalisation layers are trained, and a head."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.lazy import torch
from bench.adapt.subset import SubsetMethod
from bench.registry import method


@method("norm_tuning", family="weights", extra=True)
@dataclass(frozen=True)
class NormTuning(SubsetMethod):
    """Trains γ and β of y = γ (x - μ) / σ + β in every layer norm, batch norm or group norm.

    Batch norm keeps the μ and σ of pretraining. γ and β have no weight decay.

    Source: OSU-MLB/ViT_PEFT_Vision@cea7e21, `ln`: AdamW, a rate of 1e-3 or 1e-2, 100 epochs, drop path of 0.1. For
    batch norm: Frankle et al. 2021.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-4, 3e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": grids.INSERTED}

    lr: float | None = 1e-3

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """The parameters of every module that is a norm; timm's and torch's have `Norm` in the name of their class."""
        return [
            f"{prefix}.{name}"
            for prefix, module in network.named_modules()
            if "norm" in type(module).__name__.lower()
            for name, _ in module.named_parameters(recurse=False)
            if name in ("weight", "bias")
        ]

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without normalisation layers that have parameters."""
        return None if self.chosen(network) else f"norm_tuning needs norms and {type(network).__name__} has none"
