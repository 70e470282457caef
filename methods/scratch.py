"""Scratch: the same network from random weights, the reference that domain affinity needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor


@method("scratch")
@dataclass(frozen=True)
class Scratch:
    """Trains the same network from random weights as fine-tuning would; pretraining is worth what it falls short.

    Without a learning rate it takes ten times fine-tuning's default: random weights bear it, and learn little by less.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(3e-4, 3e-2, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    frozen: ClassVar[bool] = False
    folds: ClassVar[int] = 1

    lr: float | None = None
    epochs: int = 15
    batch: int = 50
    weight_decay: float = 0.01
    warmup: float = 0.1

    @property
    def passes(self) -> float:
        return 3.0 * self.epochs

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        from bench.adapt.train import Recipe, default_lr  # here and below, so that listing methods stays light
        from bench.adapt.trained import train_whole

        network = backbone.network(train.classes, pretrained=False)
        lr = self.lr or 10 * default_lr(network)
        recipe = Recipe(self.epochs, lr, self.batch, self.weight_decay, self.warmup)
        return train_whole(backbone, network, train, recipe, meter)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.trained import restore_whole  # here, so that listing methods stays light

        return restore_whole(backbone, stored, classes)
