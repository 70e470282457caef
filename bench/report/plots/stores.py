"""The plot of number formats: accuracy against stored bytes, with a line through all formats of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.settings import apart_from_store
from bench.report.numbers.units import counted, listed, prefixed
from bench.report.plots.layout import head, legend, legend_height
from bench.report.plots.scales import Mark, spread_axes
from bench.report.plots.style import WIDTH, Look

HEIGHT = 4.3  # inches, without the legend


class Stored(NamedTuple):
    """A method in one number format of its delta."""

    store: str
    size: float  # bytes of a task, on average
    accuracy: float  # percent


def by_store(grid: Grid, everything: Sequence[Grid], looks: Mapping[str, Look]) -> Figure | None:
    """Means over the tasks finished in all formats. None unless a method has two; the first such grid has it."""
    kin = [other for other in everything if kinship(other) == kinship(grid)]
    if len(kin) < 2 or kin[0] is not grid:
        return None
    tasks = [task for task in grid.tasks if all(task in other.common for other in kin)]
    shown = {method: found for method in grid.methods if len(found := stored(kin, method, tasks)) > 1}
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, HEIGHT + legend_height(list(shown))), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", xlabel="stored bytes of a task, logarithmic", ylabel="mean test accuracy, %"
    )
    marks = [Mark(method, one.size, one.accuracy) for method, found in shown.items() for one in found]
    places = {(m.method, m.cost): p for m, p in zip(marks, spread_axes(axes, marks, written), strict=True)}
    for method, found in shown.items():
        draw_line(axes, method, [places[method, one.size] for one in found], looks[method])
    legend(figure, list(shown))
    formats = listed([store_of(other) for other in kin])
    told = f"{grid.suite} suite, {grid.effort} recipes, mean over {counted(len(tasks), 'task')}; formats: {formats}"
    head(figure, axes, "Accuracy against stored bytes, by number format", f"{told}; filled: the largest")
    return figure


def kinship(grid: Grid) -> tuple[str, str]:
    """What grids share that differ in the format of the delta alone."""
    return grid.suite, apart_from_store(next(iter(grid.cells.values()))[0])


def store_of(grid: Grid) -> str:
    """The format of a grid's deltas."""
    return next(iter(grid.cells.values()))[0].store


def stored(kin: Sequence[Grid], method: str, tasks: list[str]) -> list[Stored]:
    """A method in all formats in which it has both figures, the largest first."""
    found = []
    for grid in kin:
        score, size = grid.mean(method, [tasks]), grid.cost(method, "stored_bytes", tasks)
        if score and finite(size):
            found.append(Stored(store_of(grid), size, 100 * score.mean))
    return sorted(found, key=lambda one: -one.size)


def draw_line(axes: Axes, method: str, points: Sequence[Mark], look: Look) -> None:
    """One method's line; the marks of all but its largest format are hollow."""
    x, y = [one.cost for one in points], [one.accuracy for one in points]
    style = look.mark(6)
    axes.plot(x, y, color=look.colour, linewidth=1.0, alpha=0.7, zorder=1)
    axes.plot(x[1:], y[1:], **{**style, "markerfacecolor": "white", "markeredgecolor": look.colour})
    axes.plot(x[0], y[0], label=method, **style)


def written(value: float) -> str:
    """`340 kB`."""
    return prefixed(value, "B")
