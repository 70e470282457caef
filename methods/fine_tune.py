"""Fine-tuning: every weight of the pretrained network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor


@method("fine_tune")
@dataclass(frozen=True)
class FineTune:
    """Trains all weights and a fresh head: AdamW, warm-up and cosine, light augmentation where the label survives it.

    `lr` None takes 1e-3 for a network with batch norm and 1e-4 for one without, a transformer say, which bears less.
    """

    # Down to 1e-5: transformers often want it, and grids that start at 1e-3 make fine-tuning look worse than it is.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-5, 3e-3, log=True),
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
        from bench.adapt.train import Recipe  # here and below, so that listing methods stays light
        from bench.adapt.trained import train_whole

        recipe = Recipe(self.epochs, self.lr, self.batch, self.weight_decay, self.warmup)
        return train_whole(backbone, backbone.network(train.classes), train, recipe, meter)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.trained import restore_whole  # here, so that listing methods stays light

        return restore_whole(backbone, stored, classes)
