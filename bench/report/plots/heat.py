"""The heat map: how far every method is from fine-tuning on every task, in points."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.report.numbers.gains import FULL, difference
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import folded, points
from bench.report.plots.layout import described, heading
from bench.report.plots.style import FAINT, INK, QUIET

CELL = (0.47, 0.225)  # inches, width and height
LEAST_WIDTH = 5.0  # inches, so that the title has room
LABEL, NAME = 26, 24  # characters of a task's and a method's name in a line
DEEPEST = 0.30  # of accuracy: larger differences have the same colour
COLOURS = "RdBu"  # of ColorBrewer, safe for colour-blind readers: red is below fine-tuning, blue above


def by_heat(grid: Grid) -> Figure:
    """A row for each task, a column for each other method, and the mean below. Needs `any_difference`."""
    methods = [method for method in grid.compared if method != FULL]
    rows, values = differences(grid, methods)
    names = ["\n".join(folded(method, NAME)) for method in methods]
    left = 0.25 + 0.075 * max(len(line) for name, _ in rows for line in folded(name, LABEL))
    top = 0.65 + 0.054 * max(len(line) for name in names for line in name.split("\n"))
    width, height = len(methods) * CELL[0], len(rows) * CELL[1]
    size = (max(LEAST_WIDTH, left + width + 0.9), top + height + 0.15)
    figure = Figure(figsize=size)
    axes = figure.add_axes((left / size[0], 0.15 / size[1], width / size[0], height / size[1]))
    limit = min(max(np.nanmax(np.abs(values), initial=0.0), 0.01), DEEPEST)
    image = axes.imshow(values, cmap=COLOURS, vmin=-limit, vmax=limit, aspect="auto")
    write_numbers(axes, values, limit)
    axes.set_yticks(range(len(rows)), ["\n".join(folded(name, LABEL)) for name, _ in rows])
    axes.set_xticks(range(len(methods)), names, rotation=55, ha="left", rotation_mode="anchor", linespacing=1.15)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=7.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for at in [at for at in range(1, len(rows)) if rows[at][1] != rows[at - 1][1]]:
        axes.axhline(at - 0.5, color="white", linewidth=4)
    bar = figure.add_axes(((left + width + 0.15) / size[0], 0.15 / size[1], 0.1 / size[0], min(height, 2.5) / size[1]))
    figure.colorbar(image, cax=bar, format=lambda value, _: points(value).removesuffix(".0") if value else "0")
    bar.tick_params(labelsize=7, length=0)
    bar.spines[:].set_visible(False)
    told = f"{described(grid, len(grid.tasks), mean=False)}; blue is above, red below"
    told += f"; beyond {100 * DEEPEST:.0f} points the colour stays" if np.nanmax(np.abs(values)) > DEEPEST else ""
    heading(figure, f"Accuracy minus {FULL}'s, points", told, place=False)
    return figure


def any_difference(grid: Grid) -> bool:
    """Whether fine-tuning and another method finished one task."""
    return any(
        (FULL, task) in grid.cells and (method, task) in grid.cells
        for method in grid.compared
        if method != FULL
        for task in grid.tasks
    )


def differences(grid: Grid, methods: list[str]) -> tuple[list[tuple[str, str]], NDArray[np.float64]]:
    """(name, group) of each row, and the differences as fractions, (rows, methods); NaN where a figure is missing."""
    rows = [(grid.label(task), grid.groups[task]) for task in grid.tasks]
    found = [[difference(grid.score(m, task), grid.score(FULL, task)) for m in methods] for task in grid.tasks]
    if len(grid.common) > 1:
        rows.append((f"mean of {len(grid.common)} tasks", ""))
        parts = [list(grid.common)]
        found.append([difference(grid.mean(m, parts), grid.mean(FULL, parts)) for m in methods])
    return rows, np.array([[np.nan if value is None else value for value in row] for row in found], dtype=np.float64)


def write_numbers(axes: Axes, values: NDArray[np.float64], limit: float) -> None:
    """Writes each difference in its field, in white on deep colours; – on grey where there is none."""
    axes.set_facecolor(FAINT)
    for (row, column), value in np.ndenumerate(values):
        deep = abs(value) > 0.62 * limit
        colour = QUIET if np.isnan(value) else "white" if deep else INK
        text = points(None if np.isnan(value) else float(value))
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour, in_layout=False)
