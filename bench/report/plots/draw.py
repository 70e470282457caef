"""The plots of a report, drawn by matplotlib without pyplot, so that no global state and no display is touched."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.records.studies import Study
from bench.report.numbers.evidence import comparison, task_interval
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import numbered
from bench.report.plots.affinity import by_affinity, gained
from bench.report.plots.budgets import BUDGETS, by_budget, by_draws
from bench.report.plots.groups import by_group
from bench.report.plots.heat import any_difference, by_heat
from bench.report.plots.layers import by_layer
from bench.report.plots.penalties import by_penalty
from bench.report.plots.ranks import by_rank
from bench.report.plots.shift import by_shift
from bench.report.plots.style import FAINT, RC, WIDTH, Look, described, head, legend, legend_height, whiskers
from bench.report.plots.tradeoff import COSTS, Mark, heights, points_of, trade_off
from bench.report.plots.trials import by_trial
from bench.report.words.captions import Plot, caption

TALLEST = 11.0  # inches, all tasks of the plot of tasks together
HEADING = 0.26  # inches, a group's name in it


def draw(grid: Grid, studies: Sequence[Study], looks: Mapping[str, Look], folder: Path, stem: str) -> list[Plot]:
    """Writes a grid's plots as PNG and SVG, `<stem>_accuracy_by_<what>.<kind>` and the like, the main ones first.

    Drawn only where there is something to see; `bench.report.words.captions` says what each of them takes.
    """
    with rc_context(RC):
        figures = {name: figure for name, figure in drawings(grid, studies, looks) if figure is not None}
        return [save(figure, name, folder, stem) for name, figure in figures.items()]


def drawings(grid: Grid, studies: Sequence[Study], looks: Mapping[str, Look]) -> Iterator[tuple[str, Figure | None]]:
    """Every plot by its name, None where there is nothing to see."""
    compared = comparison(grid)
    for cost in COSTS:
        yield f"accuracy_by_{cost.name}", trade_off(grid, cost, looks) if points_of(grid, cost) else None
    yield "accuracy_by_task", by_task(grid, looks)
    yield "accuracy_by_group", by_group(grid, looks)
    yield "gain_by_method", by_heat(grid) if any_difference(grid) else None
    yield "accuracy_by_rank", by_rank(grid, compared, looks) if compared.critical_difference else None
    yield "gain_by_affinity", by_affinity(grid, looks) if len({gain.task for gain in gained(grid)}) > 1 else None
    yield "chosen_by_layer", by_layer(grid)
    yield "accuracy_by_penalty", by_penalty(grid, looks)
    for budget in BUDGETS:
        yield f"accuracy_by_tuning_{budget.ledger}", by_budget(grid, studies, budget, looks)
    yield "tuning_by_draws", by_draws(grid, studies, looks)
    yield "tuning_by_trial", by_trial(grid, studies, looks)
    shifted = [task for task in grid.tasks if grid.shifted(task)]
    names = numbered([re.sub(r"[^\w.-]+", "-", grid.label(task))[-60:] for task in shifted])
    for name, task in zip(names, shifted, strict=True):
        yield f"accuracy_by_shift_{name}", by_shift(grid, task, looks)


def save(figure: Figure, name: str, folder: Path, stem: str) -> Plot:
    """The metadata is left empty so that equal numbers give equal files."""
    png, svg = (folder / f"{stem}_{name}.{kind}" for kind in ("png", "svg"))
    figure.savefig(png, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None})
    return Plot(name, figure.get_suptitle(), caption(name), figure.get_figwidth(), png, svg)


def by_task(grid: Grid, looks: Mapping[str, Look]) -> Figure:
    """Every method's accuracy on every task as a row of marks, the tasks by their group; one unit down is one inch."""
    rows, methods = task_rows(grid), grid.compared
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
    head(figure, axes, "Accuracy on each task", described(grid, len(grid.tasks), mean=False) + bars)
    return figure


def mark_of(grid: Grid, method: str, task: str) -> Mark | None:
    """A method's accuracy on a task with its interval, in percent; no cost is looked at."""
    score, found = grid.score(method, task), task_interval(grid, method, task)
    return Mark(method, 0, 100 * score.mean, (100 * found.low, 100 * found.high) if found else None) if score else None


def task_rows(grid: Grid) -> list[tuple[str, str | None]]:
    """Rows from top to bottom: each group's name with None, then its tasks' names with the task."""
    rows: list[tuple[str, str | None]] = []
    for group, tasks in grid.by_group(grid.tasks).items():
        rows.append((group, None))
        rows += [(grid.label(task), task) for task in tasks]
    return rows


def dress_rows(axes: Axes, rows: list[tuple[str, str | None]], ends: NDArray[np.float64]) -> None:
    """Names to the left, the groups' in bold; every other task on a faint band to lead the eye."""
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
