"""Fine-tuning: every weight of the pretrained network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.registry import method


@method("fine_tune", family="weights")
@dataclass(frozen=True)
class FineTune(TrainedMethod):
    """Trains all weights and a fresh head: AdamW, warm-up and cosine, light augmentation where the label survives it.

    If `lr` is None it is 1e-3 for a network with batch norm, and 1e-4 for one without, such as a transformer.
    """

    # Down to 1e-5: transformers often want it, and grids that start at 1e-3 make fine-tuning look worse than it is.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-5, 3e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
