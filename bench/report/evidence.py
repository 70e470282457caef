"""What a grid gives `bench.statistics` to work on: its figures as plain numbers, and what may be lacking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.report.grid import Grid
from bench.spec import CellResult
from bench.statistics import Comparison, Interval, Sample, compare, difference, interval, weights


def samples(grid: Grid, method: str) -> dict[str, Sample]:
    """A method's accuracies over the seeds, and the number of test images, on each task that it finished."""
    return {task: found for task in grid.tasks if (found := sample(grid, method, task))}


def sample(grid: Grid, method: str, task: str, test: str = "test") -> Sample | None:
    found = grid.accuracies(method, task, test)
    return Sample(tuple(found.values()), images(grid.cells[method, task], test)) if found else None


def images(cells: Sequence[CellResult], test: str) -> int | None:
    """On how many images all cells were tested; None where one does not say, or they do not agree."""
    counts = {count_of(cell, test) for cell in cells}
    return counts.pop() if len(counts) == 1 else None


def count_of(cell: CellResult, test: str) -> int | None:
    """On how many images a cell was tested, where its record says so."""
    counts = cell.provenance.get("test_counts")
    count = counts.get(test) if isinstance(counts, Mapping) else None
    return count if isinstance(count, int) and count > 0 else None


def task_interval(grid: Grid, method: str, task: str, test: str = "test") -> Interval | None:
    """The 95 % interval of a method's accuracy on one task; None where the records do not allow one."""
    found = sample(grid, method, task, test)
    return interval({task: found}, {task: 1.0}) if found else None


def mean_interval(grid: Grid, method: str, parts: Sequence[Sequence[str]]) -> Interval | None:
    """The 95 % interval of `Grid.mean` over the same parts; None where that is None or the records do not allow one."""
    found, weight = samples(grid, method), weights(parts)
    return interval(found, weight) if all(task in found for task in weight) else None


def difference_interval(grid: Grid, first: str, second: str) -> Interval | None:
    """The 95 % interval of the first method's mean over the common tasks minus the second's."""
    return difference(samples(grid, first), samples(grid, second), weights([list(grid.common)]))


def comparison(grid: Grid) -> Comparison:
    """Ranks and tests of all methods that finished anything, over the tasks that all of them finished."""
    means = {
        method: {task: score.mean for task in grid.tasks if (score := grid.score(method, task))}
        for method in grid.compared
    }
    return compare(means)
