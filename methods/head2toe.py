"""Head2Toe: a linear head on the features of all layers that a group lasso selects (Evci et al., ICML 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split, UserError

if TYPE_CHECKING:
    from torch import Tensor


@method("head2toe")
@dataclass(frozen=True)
class Head2Toe:
    """Selects features of every layer by the rows of a group-lasso head, then trains a fresh head on them.

    Each layer's activations are pooled to about `target` numbers and scaled to unit norm an example; a head on all of
    them is trained with λ Σᵢ ||Wᵢ||₂; the top `fraction` of features by row norm, over all layers together, is kept,
    scaled to unit norm a layer again, and given a fresh head without penalty. Of equal scores the earlier layer's wins.
    """

    # The values that the official code sweeps (google-research/head2toe @ 6277f63).
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "fraction": FloatDistribution(0.0005, 0.2, log=True),
        "group_lasso": CategoricalDistribution((0.0, 1e-5, 1e-4)),
        "lr": FloatDistribution(0.003, 0.1, log=True),
        "steps": CategoricalDistribution((500, 5000)),
    }
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 5

    target: int = 512
    fraction: float = 0.2
    group_lasso: float = 1e-5
    lr: float = 0.01
    steps: int = 500
    batch: int = 128

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        import torch  # here and below, so that listing methods stays light

        from bench import heads
        from bench.features import features
        from bench.probe import Probe, select

        read = features(backbone, train.images, self.target, meter)
        width = sum(read.widths)
        keep = int(self.fraction * width)
        if keep == 0:
            raise UserError(
                f"fraction {self.fraction:g} keeps none of {width} features; raise it above {1 / width:.1g}"
            )
        labels = torch.from_numpy(train.labels).to(backbone.device)

        def head_on(columns: Tensor, group_lasso: float) -> heads.Head:
            recipe = heads.AdamRecipe(self.steps, self.lr, self.batch, group_lasso)
            return heads.adam(select(read, columns).to(backbone.device), labels, train.classes, recipe, meter)

        scores = head_on(torch.arange(width), self.group_lasso).weight.square().sum(1)
        kept = scores.argsort(descending=True, stable=True)[:keep].sort().values.cpu()
        head = head_on(kept, 0.0)
        return Probe(backbone, self.target, kept, width, head.weight, head.bias)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.probe import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored)
