"""The plot of a path of penalties: the validation accuracy of each solution, and which one was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import clipped, counted
from bench.report.plots.layout import heading, legend, legend_height
from bench.report.plots.style import FAINT, INK, WIDTH, Look

COLUMNS = 3
MOST = 21  # panels
LABEL = 26  # characters of a task's name
HEIGHT, TOP, GAP, BELOW = 1.45, 0.8, 0.45, 0.1  # inches: a row, the heading, left of a panel, below everything
LEAST = 3  # points that a path must have
NAMES = ("penalty", "kept", "own", "refitted")  # of the record's curves, after `path/`


class Point(NamedTuple):
    """One solution of a path. The penalty is a fraction of the smallest penalty that keeps no feature."""

    penalty: float
    kept: int
    own: float  # validation accuracy of the solution's own head, percent
    refitted: float  # validation accuracy of a head that was fitted again, percent


class Path(NamedTuple):
    """The path of one cell, from the strongest penalty to the weakest."""

    method: str
    task: str
    points: list[Point]
    chosen: tuple[float, float] | None  # penalty, validation accuracy in percent


def by_penalty(grid: Grid, looks: Mapping[str, Look]) -> Figure | None:
    """A panel for each task and method with a path, for the first seed that has one. None without any."""
    found = paths(grid)
    if not found:
        return None
    shown = found[:MOST]
    methods = [method for method in grid.compared if any(path.method == method for path in shown)]
    rows, columns = -(-len(shown) // COLUMNS), min(COLUMNS, len(shown))
    wide, height = (WIDTH - 0.1) / columns, TOP + rows * HEIGHT + BELOW + legend_height(methods)
    figure = Figure(figsize=(WIDTH, height))
    for at, path in enumerate(shown):
        left, up = GAP + wide * (at % columns), height - TOP - HEIGHT * (at // columns + 1) + 0.45
        axes = figure.add_axes((left / WIDTH, up / height, (wide - GAP) / WIDTH, (HEIGHT - 0.6) / height))
        draw_panel(axes, path, looks[path.method])
        axes.set_title(clipped(grid.label(path.task), LABEL), loc="left", fontsize=8.5)
    handles = {line.get_label(): line for axes in figure.axes for line in axes.lines}
    legend(figure, methods, handles=[handles[method] for method in methods], labels=methods)
    tasks = counted(len({path.task for path in shown}), "task")
    told = (
        f"{grid.about}, {tasks}, one seed; validation accuracy, %, at each λ / λ_max, "
        "with its solution's number of features; filled: head fitted again; hollow: the solution's own; ringed: chosen"
        + (f"; not drawn: {counted(len(found) - MOST, 'path')} more" if len(found) > MOST else "")
    )
    heading(figure, "The path of penalties", told, place=False)
    return figure


def paths(grid: Grid) -> list[Path]:
    """One path for each task and method: that of the first seed with enough points."""
    found = []
    for task in grid.tasks:
        for method in grid.compared:
            of_seeds = (path_of(cell) for cell in grid.cells.get((method, task), ()))
            found += [path for path in of_seeds if path][:1]
    return found


def path_of(cell: CellResult) -> Path | None:
    """The path in a record's curves; None where fewer than LEAST of its points are complete."""
    of = [curve(cell, name) for name in NAMES]
    steps = [step for step in of[0] if of[0][step] > 0 and all(step in other for other in of)]
    if len(steps) < LEAST:
        return None
    penalty, kept, own, again = of
    points = [Point(penalty[step], int(kept[step]), 100 * own[step], 100 * again[step]) for step in steps]
    best = [(penalty[step], 100 * value) for step, value in curve(cell, "chosen").items() if step in steps]
    return Path(cell.method, cell.task, sorted(points, reverse=True), best[0] if best else None)


def curve(cell: CellResult, name: str) -> dict[int, float]:
    """One of the path's curves, by step."""
    return dict(cell.curves.get(f"path/{name}", ()))


def draw_panel(axes: Axes, path: Path, look: Look) -> None:
    """Both heads' accuracies on a logarithmic axis, the strongest penalty at the left."""
    axes.set_xscale("log")
    x = [point.penalty for point in path.points]
    mark = {**look.mark(5), "linewidth": 1.1}
    hollow: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": look.colour, "markeredgewidth": 0.9}
    axes.plot(x, [point.own for point in path.points], **{**mark, **hollow, "linestyle": (0, (3, 2)), "markersize": 4})
    axes.plot(x, [point.refitted for point in path.points], label=path.method, **{**mark, "linestyle": "-"})
    if path.chosen:
        ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 1.1}
        axes.plot(*path.chosen, "o", markersize=9.5, **ring)
    axes.set_xlim(max(x) * 1.4, min(x) / 1.4)
    axes.set_xticks(x, [f"{fraction(point.penalty)}\n{point.kept:,}" for point in path.points], fontsize=6)
    axes.minorticks_off()
    axes.margins(y=0.2)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(axis="y", labelsize=7)
    axes.tick_params(axis="x", length=2, pad=1.5)
    axes.grid(color=FAINT)


def fraction(value: float) -> str:
    """`1/16`, or `0.3` where the value is not one over a whole number."""
    near = Fraction(value).limit_denominator(1024)
    return str(near) if near.numerator == 1 and float(near) == value else f"{value:.2g}"
