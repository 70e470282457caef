"""Head2Toe by an exact solver: its group lasso to a certified gap, and a head on features at and near its solution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from bench.adapt.solvers.head import Head
    from bench.adapt.solvers.lasso import Design, GroupLasso, Solution

PATH = tuple(0.5**step for step in range(3, 9))  # penalties, as fractions of the least that keeps no feature
CHOOSING = 1e-3  # duality gap of solutions that choose
STEP, ROUGH = 4.0, 1e-2  # how much stronger the penalty is whose solution starts the last, and that one's duality gap
POOL = 2  # features that are ranked for each image, and for each that is kept: the greater of the two numbers
LEAST = 1e-5  # ranking_l2 above what float32 rounds a Gram matrix by


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
    The group lasso on all of them is solved along falling penalties, down to `penalty`, a fraction of the least one
    that keeps no feature. Its features and those nearest to being chosen, two an image or twice as many as are kept,
    are ranked by their rows in least squares with an l2 penalty, `ranking_l2`. `keep` features an image are kept, and
    the last head is fitted to them, standardised, with `l2`. A `penalty` of None lets the validation images choose it,
    and whether the last head is that or the solution's own: of equals the strongest penalty, then the solution's head.
    """

    # Targets as in the official code of Head2Toe (google-research/head2toe @ 6277f63); the others span their defaults,
    # which were set by cross-validation on the 1,000 training images of EuroSAT for a target of 512. Larger targets
    # want more features. Folds as for the recipe: the validation images alone tell such heads apart by chance.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "penalty": FloatDistribution(0.01, 0.3, log=True),
        "keep": FloatDistribution(0.1, 10.0, log=True),
        "ranking_l2": FloatDistribution(0.0005, 0.1, log=True),
        "l2": FloatDistribution(0.003, 0.3, log=True),
    }
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 5

    target: int = 512
    penalty: float | None = 1 / 16
    keep: float = 0.75
    ranking_l2: float = 0.005
    l2: float = 0.03

    def __post_init__(self) -> None:
        if self.ranking_l2 < LEAST:
            raise UserError(f"ranking_l2 of head2toe_path is at least {LEAST:g}, not {self.ranking_l2:g}")

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        import torch  # here and below, so that listing methods stays light

        from bench.adapt.probe import Probe
        from bench.adapt.solvers.lasso import GroupLasso, unit_norm
        from bench.backbone.features import features
        from bench.backbone.forward import taps

        read = features(backbone, train.images, self.target, meter)
        names = [tap.name for tap in taps(backbone, self.target)]
        design = meter.step(("unit norm", self.target), partial(unit_norm, read.held, backbone.device, names))
        labels = torch.from_numpy(train.labels).to(backbone.device)
        model = GroupLasso(design, labels, train.classes, meter)
        if self.penalty is None:
            chosen = self._choose(design, labels, len(labels) - (train.validation or len(labels) // 5), model)
            choice = replace(chosen, solution=model.solve(chosen.solution.strength, chosen.solution))
        else:
            model.solve(min(STEP * self.penalty, 0.5) * model.strongest, rough=ROUGH)
            choice = Choice(model.solve(self.penalty * model.strongest), again=True)
        rows, head = self._head(model, choice, labels)
        return Probe(backbone, self.target, rows, design.width, head.weight, head.bias, whole=True)

    def _choose(self, design: Design, labels: Tensor, kept: int, whole: GroupLasso) -> Choice:
        """The choice with the most hits among the examples from `kept` on, by solutions on those before.

        The path goes into the record's curves, over its steps: penalty, features, accuracy of both heads, the choice.
        """
        from bench.adapt.solvers.lasso import GroupLasso

        model = GroupLasso(design.first(kept), labels[:kept], whole.classes, whole.meter, CHOOSING)
        best, most, at, meter, held = None, -1, 0, whole.meter, max(1, len(labels) - kept)
        for step, fraction in enumerate(PATH, start=1):
            solution = model.solve(fraction * model.strongest)
            meter.point("path/penalty", step, fraction)
            meter.point("path/kept", step, len(solution.rows))
            for choice in (Choice(solution, again=False), Choice(solution, again=True)):
                rows, head = self._head(model, choice, labels[:kept])
                scores = design.columns(rows)[kept:] @ head.weight + head.bias
                hits = int((scores.argmax(1) == labels[kept:]).sum())
                meter.point("path/refitted" if choice.again else "path/own", step, hits / held)
                if hits > most:
                    best, most, at = choice, hits, step
        assert best is not None
        meter.point("path/chosen", at, most / held)
        return best

    def _head(self, model: GroupLasso, choice: Choice, labels: Tensor) -> tuple[Tensor, Head]:
        """Which features the head of a choice reads, and the head; `model` has just been solved."""
        from bench.adapt.solvers.head import Head
        from bench.adapt.solvers.logistic import row_norms, standardised

        solution = choice.solution
        if not choice.again:
            return solution.rows, Head(solution.weight, solution.bias)
        near = model.near(round(POOL * max(1.0, self.keep) * len(labels)))
        pool = model.design.columns(near)
        ranks = row_norms(pool, labels, model.classes, self.ranking_l2, model.meter)
        best = ranks.argsort(descending=True, stable=True)[: max(1, round(self.keep * len(labels)))].sort().values
        return near[best], standardised(pool[:, best], labels, model.classes, self.l2, model.meter)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.adapt.probe import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored, whole=True)
