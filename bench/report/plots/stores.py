"""The plot of number formats: accuracy against stored bytes, with a line through all formats of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.registry import STORED, fitted_as
from bench.report.numbers.grid import Grid, finite
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


def by_store(grid: Grid, looks: Mapping[str, Look]) -> Figure | None:
    """Means over the grid's common tasks; None unless a method has two formats."""
    shown = {method: found for method in formats_of(grid) if len(found := stored(grid, method)) > 1}
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, HEIGHT + legend_height(list(shown))), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", xlabel="stored bytes of a task, logarithmic", ylabel="mean test accuracy, %"
    )
    marks = [Mark(method, one.size, one.accuracy) for method, found in shown.items() for one in found]
    places = {(m.method, m.cost): p for m, p in zip(marks, spread_axes(axes, marks, written), strict=True)}
    for method, found in shown.items():
        look = looks[formats_of(grid)[method][0]]
        draw_line(axes, method, [places[method, one.size] for one in found], look)
    legend(figure, list(shown))
    formats = listed(list(dict.fromkeys(one.store for found in shown.values() for one in found)))
    told = f"{grid.suite} suite, {grid.effort} recipes, mean over {counted(len(grid.common), 'task')}; {formats}"
    head(figure, axes, "Accuracy against stored bytes, by number format", f"{told}; filled: the largest")
    return figure


def formats_of(grid: Grid) -> dict[str, list[str]]:
    """The labels of each method by the label that it has without a format: `lora`, and `lora · int8`."""
    found: dict[str, list[str]] = {}
    for method in grid.methods:
        found.setdefault(fitted_as(method), []).append(method)
    return found


def stored(grid: Grid, method: str) -> list[Stored]:
    """A method in all formats in which it has both figures, the largest first."""
    found = []
    for label in formats_of(grid)[method]:
        score, size = grid.mean(label, [list(grid.common)]), grid.cost(label, "stored_bytes")
        if score and finite(size):
            found.append(Stored(label.removeprefix(method).removeprefix(STORED) or "fp32", size, 100 * score.mean))
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
