"""Accuracy under shift: the drop, and effective robustness, the part that accuracy in distribution does not predict.

A shifted test set is `ood/<shift>`, or one part of many, `ood/<shift>/<kind>/<severity>`. The figure of a shift is the
mean over its parts. The figure of a task is the mean over its shifts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.report.numbers.grid import Grid, Score, deviation, ordered

FEWEST = 3  # methods: through two any line is exact
SPREAD = 0.02  # least range of their accuracies in distribution; with less, the slope of a line is noise
EDGE = 1e-3  # accuracies are kept this far from 0 and 1, where the logit is infinite


@dataclass(frozen=True)
class Line:
    """Accuracy under shift as accuracy in distribution predicts it: a straight line between their logits.

    Source: Taori et al. 2020, arXiv:2007.00644, section 3 and appendix, where β is fitted on logit-transformed
    accuracies of many standard models. Here it is fitted by least squares to the methods that are compared.
    """

    slope: float
    offset: float

    def __call__(self, inside: float) -> float:
        """The predicted accuracy under shift, a fraction."""
        return expit(self.offset + self.slope * logit(inside))


def shifts(grid: Grid, task: str) -> dict[str, tuple[str, ...]]:
    """The test sets of each of a task's shifts."""
    tests = grid.shifted(task)
    names = ordered(test.split("/")[1] for test in tests)
    return {name: tuple(test for test in tests if test.split("/")[1] == name) for name in names}


def shift_score(grid: Grid, method: str, task: str, tests: Sequence[str]) -> Score | None:
    """Mean accuracy over test sets, and the deviation of this mean over the seeds. None when a figure is missing."""
    found = [grid.accuracies(method, task, test) for test in tests]
    if not found or not all(found):
        return None
    shared = sorted(set.intersection(*map(set, found)))
    mean = fmean(fmean(by_seed.values()) for by_seed in found)
    return Score(mean, deviation([fmean(by_seed[seed] for by_seed in found) for seed in shared]))


def inside_score(grid: Grid, method: str, task: str, shift: str) -> Score | None:
    """Accuracy in distribution over the classes of a shift: on `id/<shift>`, or on `test` where it has all."""
    return grid.score(method, task, f"id/{shift}" if same_classes(grid, task, shift) else "test")


def same_classes(grid: Grid, task: str, shift: str) -> bool:
    """Whether accuracy in distribution was measured over a shift's classes alone."""
    return any(f"id/{shift}" in cell.accuracy for method in grid.methods for cell in grid.cells.get((method, task), ()))


def drop(grid: Grid, method: str, task: str) -> float | None:
    """Accuracy under shift minus accuracy in distribution over the same classes; the mean over the task's shifts.

    None when a figure is missing.
    """
    found = [pairs(grid, task, tests).get(method) for tests in shifts(grid, task).values()]
    known = [outside - inside for inside, outside in filter(None, found)]
    return fmean(known) if known and len(known) == len(found) else None


def pairs(grid: Grid, task: str, tests: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Accuracy (in distribution, under shift) of every method that has both."""
    found = {}
    for method in grid.compared:
        inside = inside_score(grid, method, task, tests[0].split("/")[1])
        outside = shift_score(grid, method, task, tests)
        if inside and outside:
            found[method] = (inside.mean, outside.mean)
    return found


def fitted(pairs: Sequence[tuple[float, float]]) -> Line | None:
    """The line through the methods' accuracies. None with fewer than three methods, or when they hardly differ."""
    inside = [pair[0] for pair in pairs]
    if len(pairs) < FEWEST or max(inside) - min(inside) < SPREAD:
        return None
    x, y = [logit(pair[0]) for pair in pairs], [logit(pair[1]) for pair in pairs]
    centre = fmean(x)
    slope = sum((a - centre) * b for a, b in zip(x, y, strict=True)) / sum((a - centre) ** 2 for a in x)
    return Line(slope, fmean(y) - slope * centre)


def robustness(grid: Grid, task: str, tests: Sequence[str]) -> dict[str, float]:
    """Accuracy under shift minus what the line predicts, by method. Empty where no line can be fitted."""
    found = pairs(grid, task, tests)
    line = fitted(list(found.values()))
    return {method: outside - line(inside) for method, (inside, outside) in found.items()} if line else {}


def mean_robustness(grid: Grid, task: str) -> dict[str, float]:
    """Mean effective robustness over a task's shifts, of the methods that have it for every shift."""
    found = [robustness(grid, task, tests) for tests in shifts(grid, task).values()]
    full = [method for method in grid.compared if found and all(method in one for one in found)]
    return {method: fmean(one[method] for one in found) for method in full}


def robustness_by_shift(grid: Grid, tasks: Sequence[str]) -> dict[str, dict[str, float]]:
    """Effective robustness of every compared method under each shift of some tasks."""
    found: dict[str, dict[str, float]] = {method: {} for method in grid.compared}
    for task in tasks:
        for name, tests in shifts(grid, task).items():
            for method, value in robustness(grid, task, tests).items():
                found[method][f"{task}/{name}"] = value
    return found


def logit(accuracy: float) -> float:
    """log(p / (1 - p)) of a fraction, which is first clipped to between 0.1 % and 99.9 %."""
    inside = min(max(accuracy, EDGE), 1 - EDGE)
    return math.log(inside / (1 - inside))


def expit(value: float) -> float:
    """The fraction whose logit is `value`."""
    return 1 / (1 + math.exp(-value))
