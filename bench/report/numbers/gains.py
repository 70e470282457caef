"""Differences between methods, as fractions: domain affinity, and gains over the linear probe."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.numbers.grid import Grid, Score

LINEAR, SCRATCH, FULL = "linear_probe", "scratch", "fine_tune"  # the methods that others are compared with


def difference(first: Score | None, second: Score | None) -> float | None:
    """The first mean minus the second. None where one is missing."""
    return first.mean - second.mean if first and second else None


def means(grid: Grid) -> dict[str, Score]:
    """The mean accuracy of each method over the common tasks. Methods without one are left out."""
    parts = [list(grid.common)]
    return {method: score for method in grid.compared if (score := grid.mean(method, parts)) is not None}


def leading(grid: Grid, methods: Sequence[str], most: int = 14) -> list[str]:
    """The methods that a plot has room for: those with the highest means, and the linear probe and fine-tuning."""
    if len(methods) <= most:
        return list(methods)
    found = means(grid)
    order = sorted(methods, key=lambda name: -found[name].mean if name in found else 1.0)
    kept = {*order[:most], *(name for name in (LINEAR, FULL) if name in methods)}
    return [name for name in methods if name in kept]


def leading_note(shown: Sequence[str], methods: Sequence[str]) -> str:
    """`; the best 14 of 35 methods`, for a subtitle; empty where all are shown."""
    if len(shown) == len(methods):
        return ""
    return f"; {len(shown)} of {len(methods)} methods: the best, and the usual references"


def affinities(grid: Grid) -> dict[str, float]:
    """Domain affinity of each task: the linear probe minus the same network trained from scratch.

    Tasks that one of the two did not finish are left out. Source: Evci et al. 2022 (Head2Toe), figure 1.
    """
    both = {task: difference(grid.score(LINEAR, task), grid.score(SCRATCH, task)) for task in grid.tasks}
    return {task: found for task, found in both.items() if found is not None}


def over_linear(grid: Grid, method: str, task: str) -> float | None:
    """A method's accuracy on a task minus the linear probe's. None where one is missing."""
    return difference(grid.score(method, task), grid.score(LINEAR, task))
