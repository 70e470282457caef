"""Differences between methods: domain affinity, and gains over the linear probe."""

from __future__ import annotations

from bench.report.numbers.grid import Grid, Score

LINEAR, SCRATCH, FULL = "linear_probe", "scratch", "fine_tune"  # the methods that others are told in terms of


def difference(first: Score | None, second: Score | None) -> float | None:
    return first.mean - second.mean if first and second else None


def means(grid: Grid) -> dict[str, Score]:
    parts = [list(grid.common)]
    return {method: score for method in grid.compared if (score := grid.mean(method, parts)) is not None}


def affinities(grid: Grid) -> dict[str, float]:
    """Domain affinity of each task that has both methods, a fraction."""
    both = {task: difference(grid.score(LINEAR, task), grid.score(SCRATCH, task)) for task in grid.tasks}
    return {task: found for task, found in both.items() if found is not None}


def over_linear(grid: Grid, method: str, task: str) -> float | None:
    return difference(grid.score(method, task), grid.score(LINEAR, task))
