"""Head2Toe by an exact solver: its group lasso along a path of penalties, of which the validation images choose one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor

    from bench.heads import Head
    from bench.lasso import Design, GroupLasso, Solution

PATH = tuple(0.5**step for step in range(3, 9))  # penalties, as fractions of the least that keeps no feature
ROUGH = 1e-3  # duality gap of solutions that only choose; the last one has the solver's own


@dataclass(frozen=True)
class Choice:
    """A solution of the path, and whether the last head is fitted again or is the solution's own."""

    solution: Solution
    again: bool


@method("head2toe_path")
@dataclass(frozen=True)
class Head2ToePath:
    """Selects features of every layer by a group lasso that is solved: which, and how many, needs no tuning.

    Each layer's activations are pooled to about `target` numbers and scaled to unit norm an example, as in Head2Toe.
    The group lasso on all of them is solved along falling penalties. The validation images choose the penalty, and
    whether the last head is that of the solution, or one fitted again: to its features and those whose gradient is
    within `margin` of the penalty, at most as many as images, standardised, with an l2 penalty. Of equals the strongest
    penalty wins, then the solution's own head. It is then solved again on all images. A `penalty`, as a fraction of the
    least one that keeps no feature, can be given instead of the path.
    """

    # Targets as in the official code of Head2Toe (google-research/head2toe @ 6277f63); the others span their defaults,
    # which were set by cross-validation on the 1,000 training images of EuroSAT.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "margin": FloatDistribution(0.0, 0.4),
        "l2": FloatDistribution(0.003, 0.3, log=True),
    }
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1

    target: int = 512
    penalty: float | None = None
    margin: float = 0.3
    l2: float = 0.03

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        import torch  # here and below, so that listing methods stays light

        from bench.features import features
        from bench.lasso import GroupLasso, unit_norm
        from bench.probe import Probe
        from bench.reading import taps

        read = features(backbone, train.images, self.target, meter)
        names = [tap.name for tap in taps(backbone, self.target)]
        design = meter.step(("unit norm", self.target), partial(unit_norm, read.held, backbone.device, names))
        labels = torch.from_numpy(train.labels).to(backbone.device)
        kept = len(labels) - (train.validation or len(labels) // 5)
        chosen = self._choose(design, labels, kept, train.classes, meter)
        model = GroupLasso(design, labels, train.classes, meter)
        solution = model.solve(chosen.solution.strength, chosen.solution)
        rows, head = self._head(model, Choice(solution, chosen.again), labels)
        return Probe(backbone, self.target, rows, design.width, head.weight, head.bias, whole=True)

    def _choose(self, design: Design, labels: Tensor, kept: int, classes: int, meter: Meter) -> Choice:
        """The choice with the most hits among the examples from `kept` on, by solutions on those before."""
        from bench.lasso import GroupLasso

        model = GroupLasso(design.first(kept), labels[:kept], classes, meter, ROUGH)
        best, most = None, -1
        for fraction in PATH if self.penalty is None else (self.penalty,):
            solution = model.solve(fraction * model.strongest)
            for choice in (Choice(solution, again=False), Choice(solution, again=True)):
                rows, head = self._head(model, choice, labels[:kept])
                scores = design.columns(rows)[kept:] @ head.weight + head.bias
                hits = int((scores.argmax(1) == labels[kept:]).sum())
                if hits > most:
                    best, most = choice, hits
        assert best is not None
        return best

    def _head(self, model: GroupLasso, choice: Choice, labels: Tensor) -> tuple[Tensor, Head]:
        """Which features the head of a choice reads, and the head; `model` has just been solved."""
        from bench.heads import Head
        from bench.ridge import standardised

        solution = choice.solution
        if not choice.again:
            return solution.rows, Head(solution.weight, solution.bias)
        rows = model.near(self.margin)
        features = model.design.columns(rows)
        return rows, standardised(features, labels, model.classes, self.l2, model.meter)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.probe import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored, whole=True)
