"""The plots of a report, drawn by matplotlib without pyplot, so that no global state and no display is touched."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.affinity import by_affinity, gained
from bench.report.grid import Grid, Score
from bench.report.robustness import by_shift
from bench.report.style import FAINT, RC, WIDTH, Look, described, head, legend, legend_height
from bench.report.tradeoff import COSTS, points_of, trade_off
from bench.report.units import numbered

TALLEST = 11.0  # inches, all rows of the plot of tasks together


def draw(grid: Grid, looks: Mapping[str, Look], folder: Path, stem: str) -> list[Path]:
    """Writes a grid's plots as PNG and SVG, `<stem>_accuracy_by_<what>.<kind>` and the like; returns their paths.

    Drawn only where there is something to see: trade-offs where some method has both its mean accuracy and its cost,
    shift for each task with shifted test sets, gains over the linear probe where several affinities are known.
    """
    with rc_context(RC):
        figures = {"accuracy_by_task": by_task(grid, looks)}
        figures |= {f"accuracy_by_{cost.name}": trade_off(grid, cost, looks) for cost in COSTS if points_of(grid, cost)}
        shifted = [task for task in grid.tasks if grid.shifted(task)]
        names = numbered([re.sub(r"[^\w.-]+", "-", grid.label(task))[-60:] for task in shifted])
        for name, task in zip(names, shifted, strict=True):
            figures[f"accuracy_by_shift_{name}"] = by_shift(grid, task, looks)
        if len({gain.task for gain in gained(grid)}) > 1:
            figures["gain_by_affinity"] = by_affinity(grid, looks)
        return [path for name, figure in figures.items() for path in save(figure, folder, f"{stem}_{name}")]


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """The metadata is left empty so that equal numbers give equal files."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    figure.savefig(paths[0], metadata={"Software": None})
    figure.savefig(paths[1], metadata={"Date": None})
    return paths


def by_task(grid: Grid, looks: Mapping[str, Look]) -> Figure:
    """Every method's accuracy on every task as a row of marks, the tasks by their group."""
    rows = task_rows(grid)
    methods = grid.compared
    height = len(rows) * max(0.24, min(0.16 + 0.05 * len(methods), TALLEST / len(rows)))
    figure = Figure(figsize=(WIDTH, height + legend_height(methods) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    offsets = [0.62 * ((at + 0.5) / len(methods) - 0.5) for at in range(len(methods))]
    for method, offset in zip(methods, offsets, strict=True):
        scores = {row: grid.score(method, task) for row, (_, task) in enumerate(rows) if task}
        draw_marks(axes, method, {row + offset: score for row, score in scores.items() if score}, looks[method])
    dress_rows(axes, rows)
    axes.set_xlabel("test accuracy, %")
    legend(figure, methods)
    head(figure, axes, "Accuracy on each task", described(grid, len(grid.tasks), mean=False))
    return figure


def task_rows(grid: Grid) -> list[tuple[str, str | None]]:
    """Rows from top to bottom: each group's name with None, then its tasks' names with the task."""
    rows: list[tuple[str, str | None]] = []
    for group, tasks in grid.by_group(grid.tasks).items():
        rows.append((group, None))
        rows += [(grid.label(task), task) for task in tasks]
    return rows


def draw_marks(axes: Axes, method: str, scores: Mapping[float, Score], look: Look) -> None:
    """One method's marks, at row: score; thin bars show one standard deviation over the seeds to either side."""
    x = [100 * score.mean for score in scores.values()]
    spread = [100 * (score.std or 0.0) for score in scores.values()]
    if any(spread):
        axes.errorbar(x, list(scores), xerr=spread, fmt="none", ecolor=look.colour, elinewidth=0.8, alpha=0.6, zorder=2)
    axes.plot(x, list(scores), label=method, **look.mark(5.5))


def dress_rows(axes: Axes, rows: list[tuple[str, str | None]]) -> None:
    """Names to the left, the groups' in bold; every other task on a faint band to lead the eye."""
    axes.set_yticks(range(len(rows)), [textwrap.shorten(name, 42, placeholder="…") for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for tick, (_, task) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("normal" if task else "bold")
    heading = 0
    for row, (_, task) in enumerate(rows):
        heading = heading if task else row
        if (row - heading) % 2:
            axes.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
