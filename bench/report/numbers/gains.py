"""Differences between methods, as fractions: domain affinity, and gains over the linear probe."""

from __future__ import annotations

from bench.report.numbers.grid import Grid, Score

LINEAR, SCRATCH, FULL = "linear_probe", "scratch", "fine_tune"  # the methods that others are compared with


def difference(first: Score | None, second: Score | None) -> float | None:
    """The first mean minus the second. None where one is missing."""
    return first.mean - second.mean if first and second else None


def means(grid: Grid) -> dict[str, Score]:
    """The mean accuracy of each method over the common tasks. Methods without one are left out."""
    parts = [list(grid.common)]
    return {method: score for method in grid.compared if (score := grid.mean(method, parts)) is not None}


def affinities(grid: Grid) -> dict[str, float]:
    """Domain affinity of each task: the linear probe minus the same network trained from scratch.

    Tasks that one of the two did not finish are left out. Source: Evci et al. 2022 (Head2Toe), figure 1.
    """
    both = {task: difference(grid.score(LINEAR, task), grid.score(SCRATCH, task)) for task in grid.tasks}
    return {task: found for task, found in both.items() if found is not None}


def over_linear(grid: Grid, method: str, task: str) -> float | None:
    """A method's accuracy on a task minus the linear probe's. None where one is missing."""
    return difference(grid.score(method, task), grid.score(LINEAR, task))
