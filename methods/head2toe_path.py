"""Head2Toe by an exact solver: its group lasso to a certified gap, and a head on features at and near its solution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers, torch
from bench.registry import method
from bench.spec import UserError

PATH = tuple(0.5**step for step in range(3, 9))  # penalties, as fractions of the least that keeps no feature
CHOOSING = 1e-3  # duality gap of solutions that choose
STEP, ROUGH = 4.0, 1e-2  # how much stronger the penalty is whose solution starts the last, and that one's duality gap
POOL = 2  # features that are ranked for each image, and for each that is kept: the greater of the two numbers
LEAST = 1e-5  # ranking_l2, above the rounding errors of a Gram matrix in float32


@dataclass(frozen=True)
class Choice:
    """A solution of the path, and whether the last head is fitted again or is the solution's own."""

    solution: solvers.Solution
    again: bool


@method("head2toe_path", family="heads")
@dataclass(frozen=True)
class Head2ToePath(ProbeMethod):
    """Selects features of every layer by a group lasso that is solved: which, and how many, needs no tuning.

    Each layer's activations are pooled to about `target` numbers and scaled to unit norm an example, as in Head2Toe.
    The group lasso on all of them is solved along falling penalties down to `penalty`, a fraction of the least penalty
    that keeps no feature. Candidates are its features and those of the next largest gradients: two an image, or twice
    as many as are kept if that is more. They are ranked by the norm of their ridge-regression row, whose penalty is
    `ranking_l2`. `keep` features an image are kept, and a logistic regression with `l2` on them, standardised, is the
    head. If `penalty` is None, the validation images choose it, and whether the head is that one or the group lasso's
    own: of equals the strongest penalty, then the group lasso's head.
    """

    # Targets are those of Head2Toe's official code (google-research/head2toe @ 6277f63). The other ranges lie around
    # the defaults, which were set by cross-validation on the 1,000 training images of EuroSAT for a target of 512.
    # Larger targets want more features. There are 5 folds, because the validation images alone are too few to tell such
    # heads apart.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "penalty": FloatDistribution(0.01, 0.3, log=True),
        "keep": FloatDistribution(0.1, 10.0, log=True),
        "ranking_l2": FloatDistribution(0.0005, 0.1, log=True),
        "l2": FloatDistribution(0.003, 0.3, log=True),
    }
    folds: ClassVar[int] = 5
    whole: ClassVar[bool] = True

    target: int = 512
    penalty: float | None = 1 / 16
    keep: float = 0.75
    ranking_l2: float = 0.005
    l2: float = 0.03

    def __post_init__(self) -> None:
        """Raises UserError for a `ranking_l2` below the rounding errors of a Gram matrix."""
        if self.ranking_l2 < LEAST:
            raise UserError(f"ranking_l2 of head2toe_path is at least {LEAST:g}, not {self.ranking_l2:g}")

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head on the features that the end of the path selects."""
        scale = partial(solvers.unit_norm, examples.features.held, examples.device, examples.taps)
        design = examples.meter.step(None, scale)
        model = solvers.GroupLasso(design, examples.labels, examples.classes, examples.meter)
        if self.penalty is None:
            chosen = self._chosen(design, examples)
            choice = replace(chosen, solution=model.solve(chosen.solution.strength, chosen.solution))
        else:
            model.solve(min(STEP * self.penalty, 0.5) * model.strongest, rough=ROUGH)
            choice = Choice(model.solve(self.penalty * model.strongest), again=True)
        rows, head = self._head(model, choice, examples.labels)
        return replace(head, selected=rows)

    def _chosen(self, design: solvers.Design, examples: solvers.Examples) -> Choice:
        """The choice with the most hits among the held-out examples, from solutions on the examples before them.

        The record's curves show the path step by step: penalty, features, accuracy of both heads, and the choice.
        """
        learnt, labels, meter = examples.learnt, examples.labels, examples.meter
        model = solvers.GroupLasso(design.first(learnt), labels[:learnt], examples.classes, meter, CHOOSING)
        best, most, at, held_out = None, -1, 0, max(1, len(labels) - learnt)
        for step, fraction in enumerate(PATH, start=1):
            solution = model.solve(fraction * model.strongest)
            meter.point("path/penalty", step, fraction)
            meter.point("path/kept", step, len(solution.rows))
            for choice in (Choice(solution, again=False), Choice(solution, again=True)):
                rows, head = self._head(model, choice, labels[:learnt])
                scores = head.scores(design.columns(rows)[learnt:])
                hits = int((scores.argmax(1) == labels[learnt:]).sum())
                meter.point("path/refitted" if choice.again else "path/own", step, hits / held_out)
                if hits > most:
                    best, most, at = choice, hits, step
        assert best is not None
        meter.point("path/chosen", at, most / held_out)
        meter.point("chosen/penalty", 2 * len(PATH), PATH[at - 1])  # two heads for each of them were looked at
        return best

    def _head(
        self, model: solvers.GroupLasso, choice: Choice, labels: torch.Tensor
    ) -> tuple[torch.Tensor, solvers.Head]:
        """Which features the head of a choice reads, and the head; `model` has just been solved."""
        solution = choice.solution
        if not choice.again:
            return solution.rows, solvers.Head(solution.weight, solution.bias)
        near = model.near(round(POOL * max(1.0, self.keep) * len(labels)))
        pool = model.design.columns(near)
        ranks = solvers.row_norms(pool, labels, model.classes, self.ranking_l2, model.meter)
        best = ranks.argsort(descending=True, stable=True)[: max(1, round(self.keep * len(labels)))].sort().values
        return near[best], solvers.standardised(pool[:, best], labels, model.classes, self.l2, model.meter)
