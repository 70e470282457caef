"""The plot of tasks: every method's accuracy on every task."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.report.numbers.evidence import task_interval
from bench.report.numbers.gains import leading, leading_note
from bench.report.numbers.grid import Grid
from bench.report.plots.layout import described, head, legend, legend_height, whiskers
from bench.report.plots.scales import Mark, heights
from bench.report.plots.style import FAINT, WIDTH, Look

TALLEST = 11.0  # inches, all rows of tasks together
HEADING = 0.26  # inches, the row of a group's name


def by_task(grid: Grid, looks: Mapping[str, Look]) -> Figure:
    """A row of marks for each task, with one mark a method; the tasks are grouped. The y axis is in inches."""
    rows, methods = task_rows(grid), leading(grid, grid.compared)
    tall = max(0.24, min(0.16 + 0.05 * len(methods), TALLEST / len(grid.tasks)))
    ends = np.cumsum([tall if task else HEADING for _, task in rows])
    figure = Figure(figsize=(WIDTH, ends[-1] + legend_height(methods) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    middle = {task: end - tall / 2 for (_, task), end in zip(rows, ends, strict=True) if task}
    marks: list[Mark] = []
    for at, method in enumerate(methods):
        offset = 0.76 * tall * ((at + 0.5) / len(methods) - 0.5)
        mine = {task: mark for task in grid.tasks if (mark := mark_of(grid, method, task))}
        marks += mine.values()
        y = {task: middle[task] + offset for task in mine}
        axes.plot([mark.accuracy for mark in mine.values()], list(y.values()), label=method, **looks[method].mark(5.2))
        sure = {y[task]: mark.interval for task, mark in mine.items() if mark.interval}
        low, high = [ends[0] for ends in sure.values()], [ends[1] for ends in sure.values()]
        axes.hlines(list(sure), low, high, color=looks[method].colour, linewidth=0.8, alpha=0.6, zorder=2)
    dress_rows(axes, rows, ends)
    axes.set_xlim(*heights(marks, room=0.2, margin=0.03))
    axes.set_xlabel("test accuracy, %")
    legend(figure, methods)
    bars = whiskers(task_interval(grid, m, task) for m, task in grid.cells)
    told = described(grid, len(grid.tasks), mean=False) + leading_note(methods, grid.compared)
    head(figure, axes, "Accuracy on each task", told + bars)
    return figure


def mark_of(grid: Grid, method: str, task: str) -> Mark | None:
    """A method's accuracy on a task with its interval, in percent; None without an accuracy."""
    score, found = grid.score(method, task), task_interval(grid, method, task)
    return Mark(method, 0, 100 * score.mean, (100 * found.low, 100 * found.high) if found else None) if score else None


def task_rows(grid: Grid) -> list[tuple[str, str | None]]:
    """Rows (name, task) from top to bottom; the row of a group's name has None for the task."""
    rows: list[tuple[str, str | None]] = []
    for group, tasks in grid.by_group(grid.tasks).items():
        rows.append((group, None))
        rows += [(grid.label(task), task) for task in tasks]
    return rows


def dress_rows(axes: Axes, rows: list[tuple[str, str | None]], ends: NDArray[np.float64]) -> None:
    """Writes the names at the left, groups in bold, and puts every other task on a faint band."""
    starts = np.array([0.0, *ends[:-1]])
    axes.set_yticks((starts + ends) / 2, [textwrap.shorten(name, 42, placeholder="…") for name, _ in rows])
    axes.set_ylim(ends[-1], 0)
    for tick, (_, task) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("normal" if task else "bold")
    heading = 0
    for row, (_, task) in enumerate(rows):
        heading = heading if task else row
        if (row - heading) % 2:
            axes.axhspan(starts[row], ends[row], color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
