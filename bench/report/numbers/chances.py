"""What each method chose on the validation images: among which values, with how many looks, and where it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeGuard

from bench.records.cells import CellResult
from bench.records.request import GRID
from bench.records.studies import Study
from bench.registry import METHODS, Label
from bench.report.numbers.grid import Grid, finite, ordered

CHOSEN = "chosen/"  # begins the name of a record's curve that holds one point: how many values, and the chosen one
NEAR = 0.02  # of a continuous range: what lies nearer to an end was chosen at that end


@dataclass(frozen=True)
class Choice:
    """What a method chose for one hyper-parameter."""

    name: str
    values: tuple[float, ...]  # what it chose among, in rising order, or both ends of a range; empty where not known
    count: int | None  # of these values; None for a range
    picked: Mapping[str, tuple[float, ...]]  # by task, for each seed
    logarithmic: bool = False

    def at_end(self, high: bool) -> list[str]:
        """The tasks on which at least half of the seeds chose an end of the values that another value could widen."""
        if len(self.values) < 2 or (not high and self.values[0] in (0, 1)):
            return []  # below no penalty, or one neighbour, there is nothing
        near = [task for task, of in self.picked.items() if 2 * sum(self.is_end(one, high) for one in of) >= len(of)]
        return near

    def is_end(self, value: float, high: bool) -> bool:
        """Whether a value is the highest or the lowest, or near to the end of a range."""
        end, other = (self.values[-1], self.values[0]) if high else (self.values[0], self.values[-1])
        if self.count is not None:
            return math.isclose(value, end, rel_tol=1e-6)
        scale = math.log if self.logarithmic and min(value, end, other) > 0 else float
        return abs(scale(value) - scale(end)) <= NEAR * abs(scale(other) - scale(end))


@dataclass(frozen=True)
class Chance:
    """What one method chose on validation images, and what that cost."""

    method: str
    choices: tuple[Choice, ...]
    looks: tuple[int, int]  # at validation images for a task, the fewest and the most; (0, 0): it chose nothing
    trials: bool  # whether trials made the choice; otherwise a training makes it within itself
    flops: float | None  # of the trials of a task, on average
    seconds: float | None
    share: float | None  # these FLOPs / those of a training


def chances(grid: Grid, studies: Sequence[Study]) -> list[Chance]:
    """One for each compared method, in the order of the grid."""
    return [chance(grid, method, [one for one in studies if one.method == method]) for method in grid.compared]


def chance(grid: Grid, method: str, studies: Sequence[Study]) -> Chance:
    """What one method chose."""
    cells = [cell for task in grid.tasks for cell in grid.cells.get((method, task), ())]
    looks = [looks_of(cell) for cell in cells]
    found = (*by_trials(method, cells, studies), *within(method, cells))
    own = [(cell.cost.tune_flops, cell.cost.tune_seconds, cell.cost.train_flops) for cell in cells if cell.tuning]
    flops, seconds, train = (mean([one[at] for one in own]) for at in range(3))
    share = flops / train if flops is not None and train else None
    return Chance(method, found, (min(looks), max(looks)), bool(own), flops, seconds, share)


def looks_of(cell: CellResult) -> int:
    """How many candidates were compared by their validation accuracy: trials, and values within the training."""
    inside = [points[-1][0] for name, points in cell.curves.items() if name.startswith(CHOSEN) and points]
    trials = (cell.tuning.trials or 0) if cell.tuning else 0
    return trials + (math.prod(inside) if inside else 0)


def by_trials(method: str, cells: Sequence[CellResult], studies: Sequence[Study]) -> Iterator[Choice]:
    """What trials chose: the hyper-parameters whose values differ between them."""
    names = ordered(name for study in studies for trial in study.trials for name in trial.params)
    searched = any(cell.tuning and cell.tuning.sampler != GRID for cell in cells)
    for name in names:
        tried = {trial.params.get(name) for study in studies for trial in study.trials if hashable(trial.params, name)}
        values = tuple(sorted(float(one) for one in tried if number(one)))
        if len(tried) > 1 and values:
            picked = by_task((cell, cell.params.get(name)) for cell in cells if cell.tuning)
            ends = space(method, name) if searched else None
            count = None if searched else len(values)
            yield Choice(name, (ends[0], ends[1]) if ends else values, count, picked, bool(ends and ends[2]))


def within(method: str, cells: Sequence[CellResult]) -> Iterator[Choice]:
    """What trainings chose within themselves, as their records say."""
    names = ordered(name for cell in cells for name in cell.curves if name.startswith(CHOSEN))
    known: Mapping[str, Sequence[Any]] = getattr(kind(method), "choices", {})
    for curve in names:
        name = curve.removeprefix(CHOSEN)
        told = [(cell, cell.curves[curve][-1]) for cell in cells if cell.curves.get(curve)]
        values = tuple(sorted(float(one) for one in known.get(name, ()) if number(one)))
        count = max(point[0] for _, point in told) or len(values)  # 0: without a look at validation images
        whole = values if len(values) == count else ()
        yield Choice(name, whole, count, by_task((cell, point[1]) for cell, point in told))


def by_task(picked: Iterable[tuple[CellResult, Any]]) -> dict[str, tuple[float, ...]]:
    """The chosen numbers of each task."""
    found: dict[str, tuple[float, ...]] = {}
    for cell, value in picked:
        if number(value):
            found[cell.task] = (*found.get(cell.task, ()), float(value))
    return found


def space(method: str, name: str) -> tuple[float, float, bool] | None:
    """Both ends of the range that a search of a registered method draws from, and whether it is logarithmic."""
    drawn: Any = getattr(kind(method), "space", {}).get(name)
    if hasattr(drawn, "low") and hasattr(drawn, "high"):
        return float(drawn.low), float(drawn.high), bool(getattr(drawn, "log", False))
    numbers = sorted(float(one) for one in getattr(drawn, "choices", ()) if number(one))
    return (numbers[0], numbers[-1], False) if numbers else None


def kind(method: str) -> Any:
    """The class that is registered under a label's name; None where there is none any more."""
    return dict(METHODS.items()).get(Label.parse(method).name)


def number(value: object) -> TypeGuard[float]:
    """Whether it has a place on a scale."""
    return finite(value) and not isinstance(value, bool)


def hashable(params: Mapping[str, Any], name: str) -> bool:
    """Whether a hyper-parameter's value can be in a set."""
    return not isinstance(params.get(name), (list, dict))


def mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is missing, or all are."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
