"""All pooled features of all layers under one l2 penalty: what Head2Toe is without selection, solved to convergence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor

    from bench.adapt.solvers.logistic import Kernel

# l2 over the mean squared length of an example, from strong to weak, so that each solution starts the next.
PATH = tuple(10.0 ** (exponent / 2) for exponent in range(-1, -11, -1))


@method("all_features")
@dataclass(frozen=True)
class AllFeatures:
    """Multinomial logistic regression on the pooled activations of all layers, each scaled to unit norm an example.

    The loss is mean cross-entropy + l2 · v / 2 · ||W||² with v the variance of the features, summed; `l2` None lets the
    validation images choose it from a path of 10 values, the strongest of equals, before the head is solved again on
    all images. It is solved among the examples' inner products, which are few where features are many.
    """

    # Targets as in the official code of Head2Toe (google-research/head2toe @ 6277f63); l2 spans the path.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "l2": FloatDistribution(1e-5, 1.0, log=True),
    }
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1

    target: int = 512
    l2: float | None = None

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        import torch  # here and below, so that listing methods stays light

        from bench.adapt.probe import Probe
        from bench.adapt.solvers.lasso import unit_norm
        from bench.adapt.solvers.logistic import Kernel
        from bench.backbone.features import features

        design = unit_norm(features(backbone, train.images, self.target, meter).held, backbone.device)
        labels = torch.from_numpy(train.labels).to(backbone.device)
        gram = design.gram(meter)
        l2 = self.l2
        if l2 is None:
            kept = len(labels) - (train.validation or len(labels) // 5)
            l2 = _choose(Kernel(gram, kept, meter), labels, train.classes)
        kernel = Kernel(gram, len(labels), meter)
        dual, bias = kernel.on_features(kernel.solve(labels, kernel.zero(train.classes), l2))
        weight = torch.cat([part.T for part in design.products(dual, meter)])
        everything = torch.arange(design.width, device=backbone.device)
        return Probe(backbone, self.target, everything, design.width, weight, bias.float())

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.probe import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored)


def _choose(kernel: Kernel, labels: Tensor, classes: int) -> float:
    """The l2 with the most hits among the examples that are not trained on, the strongest of equals."""
    head, best = kernel.zero(classes), (-1, 0.0)
    for l2 in PATH:
        head = kernel.solve(labels, head, l2)
        best = max(best, (int((kernel.others(head).argmax(1) == labels[kernel.kept :]).sum()), l2))
    return best[1]
