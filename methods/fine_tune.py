"""Fine-tuning: every weight of the pretrained network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import torch, training
from bench.registry import method


@method("fine_tune", family="weights")
@dataclass(frozen=True)
class FineTune(TrainedMethod):
    """Trains all weights and a fresh head: AdamW, warm-up and cosine, light augmentation where the label survives it.

    If `lr` is None it is 1e-3 for a network with batch norm, and 1e-4 for one without, such as a transformer. The rate
    of a layer is `layer_decay` times that of the layer behind it: few images otherwise make a network worse than its
    own linear probe, as docs/results.md shows.

    Source of the layer decay: MAE's fine-tuning (facebookresearch/mae@be47fef, util/lr_decay.py), 0.75 by default.
    """

    # Down to 1e-6: transformers often want little, and grids that start at 1e-3 make fine-tuning look worse than it is.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-6, 3e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "layer_decay": FloatDistribution(0.55, 1.0),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    quick: ClassVar[Mapping[str, Any]] = {**TrainedMethod.quick, "weight_decay": 0.01}

    weight_decay: float = 0.05
    layer_decay: float = 0.75

    def recipe(self, network: torch.nn.Module) -> training.Recipe:
        """AdamW with layer decay."""
        return replace(super().recipe(network), layer_decay=self.layer_decay)
