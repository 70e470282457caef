"""The figures of a grid as `bench.statistics` takes them, and the intervals and tests it computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.records.cells import CellResult
from bench.records.correct import unpack
from bench.report.numbers.grid import Grid
from bench.statistics import (
    Comparison,
    Interval,
    Sample,
    compare,
    difference,
    interval,
    weights,
)


def samples(grid: Grid, method: str) -> dict[str, Sample]:
    """A method's accuracies over the seeds, and the number of test images, on each task that it finished."""
    return {task: found for task in grid.tasks if (found := sample(grid, method, task))}


def sample(grid: Grid, method: str, task: str, test: str = "test") -> Sample | None:
    """A method's accuracies over the seeds on one test set, with what its records say of the images.

    Which images were answered rightly is used only where all records say it and it agrees with their accuracies.
    """
    found = tuple(grid.accuracies(method, task, test).values())
    if not found:
        return None
    cells = grid.cells[method, task]
    count, data = images(cells, test), {str(cell.data.fingerprint) for cell in cells}
    right = answers(cells, test, count) if count and len(data) == 1 else None
    sound = right is not None and len(right) == len(found) and np.allclose(right.mean(axis=1), found)
    return Sample(found, count, right if sound else None, min(data))


def answers(cells: Sequence[CellResult], test: str, count: int) -> NDArray[np.bool_] | None:
    """Which images were answered rightly (cells, images). None where a record does not say it of `count` images."""
    right = [found for cell in cells if (found := unpack(cell.correct.get(test), count)) is not None]
    return np.stack(right) if len(right) == len(cells) else None


def images(cells: Sequence[CellResult], test: str) -> int | None:
    """On how many images all cells were tested. None where one does not say it, or they differ."""
    counts = {count_of(cell, test) for cell in cells}
    return counts.pop() if len(counts) == 1 else None


def count_of(cell: CellResult, test: str) -> int | None:
    """On how many images a cell was tested, where its record says so."""
    count = cell.data.test_counts.get(test, 0)
    return count if count > 0 else None


def task_interval(grid: Grid, method: str, task: str, test: str = "test") -> Interval | None:
    """The 95 % interval of a method's accuracy on one task. None where the records do not allow one."""
    found = sample(grid, method, task, test)
    return interval({task: found}, {task: 1.0}) if found else None


def mean_interval(grid: Grid, method: str, parts: Sequence[Sequence[str]]) -> Interval | None:
    """The 95 % interval of `Grid.mean` over the same parts. None without that mean, or where the records allow none."""
    found, weight = samples(grid, method), weights(parts)
    return interval(found, weight) if all(task in found for task in weight) else None


def difference_interval(
    grid: Grid, first: str, second: str, parts: Sequence[Sequence[str]] | None = None
) -> Interval | None:
    """The 95 % interval of the first method's mean minus the second's, over the common tasks or these parts."""
    return difference(samples(grid, first), samples(grid, second), weights(parts or [list(grid.common)]))


def comparison(grid: Grid) -> Comparison:
    """Ranks and tests of all methods that finished anything, over the tasks that all of them finished."""
    means = {
        method: {task: score.mean for task in grid.tasks if (score := grid.score(method, task))}
        for method in grid.compared
    }
    return compare(means)


SOURCES = {"images": "test images", "seeds": "seeds"}
