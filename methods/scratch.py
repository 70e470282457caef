"""Scratch: the same network from random weights, the reference that domain affinity needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import parameters, torch
from bench.registry import method
from bench.spec import Backbone


@method("scratch", family="weights")
@dataclass(frozen=True)
class Scratch(TrainedMethod):
    """Trains the same network from random weights as fine-tuning would; pretraining is worth what it falls short.

    If `lr` is None it is ten times fine-tuning's default: random weights bear more, and learn little with less.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(3e-4, 3e-2, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": (1e-3, 3e-3, 3e-4, 1e-2)}
    quick: ClassVar[Mapping[str, Any]] = {**TrainedMethod.quick, "weight_decay": 0.01}

    weight_decay: float = 0.05

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone's network with random weights."""
        network = backbone.network(classes, pretrained=False)
        parameters.stochastic_depth(network, self.drop_path)
        return network.train()

    def default_lr(self, network: torch.nn.Module) -> float:
        """Ten times that of fine-tuning."""
        return 10 * super().default_lr(network)
