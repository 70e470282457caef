"""Linear probe: multinomial logistic regression on the backbone's pooled embedding, solved to convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor

    from bench.adapt.probe import Probe
    from bench.adapt.solvers.head import Head
    from bench.adapt.solvers.logistic import Standardised

# l2 from strong to weak, so that each solution starts the next; the decades around those that CLIP's probes use
# (Radford et al. 2021, appendix A.3: a sweep over [1e-6, 1e6] of the inverse strength).
PATH = tuple(10.0 ** (exponent / 2) for exponent in range(2, -13, -1))


@method("linear_probe")
@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on the pooled embedding; l2 chosen on train800 → val200.

    The loss is mean cross-entropy + l2 / 2 · ||W||² over standardised features; `l2` None lets the validation images
    choose it from a path of 15 values, the strongest of equals, before the head is solved again on all images.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {"l2": FloatDistribution(1e-6, 10.0, log=True)}
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1
    path: ClassVar[str] = "l2"

    l2: float | None = None

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        from bench.adapt.solvers.head import zero  # here and below, so that listing methods stays light
        from bench.adapt.solvers.logistic import ridge

        found, y = _problem(backbone, train, meter)
        x = found.coordinates
        kept = len(y) - (train.validation or len(y) // 5)
        path = PATH if self.l2 is None else (self.l2,)
        best, start = (-1.0, path[0]), zero(x, train.classes)
        if len(path) > 1:
            for l2 in path:
                start = ridge(x[:kept], y[:kept], start, l2, meter)
                hits = (x[kept:] @ start.weight + start.bias).argmax(1) == y[kept:]
                best = max(best, (hits.float().mean().item(), l2))
        return _probe(backbone, found.on_features(ridge(x, y, zero(x, train.classes), best[1], meter), meter))

    @classmethod
    def fit_path(
        cls, variants: Sequence[LinearProbe], backbone: Backbone, train: Split, meters: Sequence[Meter]
    ) -> list[Adapted]:
        """Probes of given l2, solved from the strongest to the weakest, each from the solution before it.

        The strongest is charged with the coordinates that all are solved in.
        """
        from bench.adapt.solvers.head import zero
        from bench.adapt.solvers.logistic import ridge
        from bench.backbone.features import features  # here, so that listing methods stays light

        order = sorted(range(len(variants)), key=lambda place: -variants[place].strength)
        for place in order[1:]:
            features(backbone, train.images, None, meters[place])
        problem, y = _problem(backbone, train, meters[order[0]])
        start, found = zero(problem.coordinates, train.classes), {}
        for place in order:
            start = ridge(problem.coordinates, y, start, variants[place].strength, meters[place])
            found[place] = _probe(backbone, problem.on_features(start, meters[place]))
            meters[place].stop()  # its clock must not run while the others are solved
        return [found[place] for place in range(len(variants))]

    @property
    def strength(self) -> float:
        """The l2 of a variant that is on the path."""
        assert self.l2 is not None
        return self.l2

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.probe import restore  # here, so that listing methods stays light

        return restore(backbone, None, stored)


def _problem(backbone: Backbone, train: Split, meter: Meter) -> tuple[Standardised, Tensor]:
    """The features, standardised, and labels (n,)."""
    import torch  # here and below, so that listing methods stays light

    from bench.adapt.solvers.logistic import standardise
    from bench.backbone.features import features

    raw = features(backbone, train.images, None, meter).concatenated().to(backbone.device)
    return standardise(raw, meter), torch.from_numpy(train.labels).to(backbone.device)


def _probe(backbone: Backbone, head: Head) -> Probe:
    from bench.adapt.probe import Probe  # here, so that listing methods stays light

    return Probe(backbone, None, None, len(head.weight), head.weight, head.bias)
