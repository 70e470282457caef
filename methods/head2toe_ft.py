"""Head2Toe-FT: Head2Toe's selection, then the backbone and a fresh head on it trained together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor

    from bench.adapt.trained import Tuned
    from bench.backbone.features import Features


@method("head2toe_ft", extra=True)
@dataclass(frozen=True)
class Head2ToeFT:
    """Selects features of every layer as Head2Toe does, then trains the whole network with a fresh head on them.

    The selection (`target`, `fraction`, `group_lasso`, `head_lr`, `steps`, `head_batch`: those of `head2toe`) stays as
    the frozen backbone gave it; what it reads, and how each layer's part is scaled to unit norm, takes part in the
    training, whose recipe is that of `fine_tune`.
    """

    # Of the selection only what matters most (its size), of the training what `fine_tune` searches.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048)),
        "fraction": FloatDistribution(0.0005, 0.2, log=True),
        "lr": FloatDistribution(1e-5, 3e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    frozen: ClassVar[bool] = False
    folds: ClassVar[int] = 1

    target: int = 512
    fraction: float = 0.2
    group_lasso: float = 1e-5
    head_lr: float = 0.01
    steps: int = 500
    head_batch: int = 128
    lr: float | None = None
    epochs: int = 15
    batch: int = 50
    weight_decay: float = 0.01
    warmup: float = 0.1

    @property
    def passes(self) -> float:
        return 1.0 + 3.0 * self.epochs

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        from bench.backbone.features import features  # here, so that listing methods stays light

        return self.tune(backbone, features(backbone, train.images, self.target, meter), train, meter)

    def tune(self, backbone: Backbone, read: Features, train: Split, meter: Meter) -> Tuned:
        """The network trained on images whose features were read already."""
        import torch  # here and below, so that listing methods stays light

        from bench.adapt.probe import Probe
        from bench.adapt.ranking import Choice, choose
        from bench.adapt.solvers.adam import AdamRecipe
        from bench.adapt.solvers.head import fresh
        from bench.adapt.train import Recipe
        from bench.adapt.train import train as run
        from bench.adapt.trained import trainable, tuned

        labels = torch.from_numpy(train.labels).to(backbone.device)
        selecting = AdamRecipe(self.steps, self.head_lr, self.head_batch, self.group_lasso)
        kept = choose(read, labels, train.classes, Choice("group_lasso", self.fraction), selecting, meter)
        head = fresh(len(kept), train.classes, backbone.device)
        network = trainable(
            Probe(backbone, self.target, kept.to(backbone.device), sum(read.widths), head.weight, head.bias)
        )
        recipe = Recipe(self.epochs, self.lr, self.batch, self.weight_decay, self.warmup)
        run(backbone, network.train(), train, recipe, meter)
        return tuned(network)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.trained import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored)
