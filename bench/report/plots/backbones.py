"""The plot of backbones side by side: accuracy against a cost, a mark for each method with each backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.numbers.families import family
from bench.report.numbers.grid import ordered
from bench.report.numbers.together import Together, label
from bench.report.plots.layout import described, head
from bench.report.plots.scales import spread_axes
from bench.report.plots.style import HUES, MARKERS, QUIET, WIDTH, Look
from bench.report.plots.tradeoff import RADIUS, SMALL, Cost, name_points, pareto, points_of

SIDE_BY_SIDE = (
    "A mark for each method with each backbone: the colour is the method's family, the shape is the backbone. Up and "
    "to the left is better. A mark below the grey stairs has a lower mean than another one that costs no more."
)
HEIGHT, LINE = 4.6, 0.2  # inches: of the plot, and of a line of its legend


def by_backbone(side: Together, cost: Cost) -> Figure | None:
    """Means over the tasks that all finished. Colours are families, marks are backbones, and the front is named."""
    cost, found = cost.of(side.grid), points_of(side.grid, cost.of(side.grid))
    if not found:
        return None
    looks = {name: Look(HUES[family(name)], "o") for name in side.methods}
    shapes = {part.backbone: MARKERS[at % len(MARKERS)] for at, part in enumerate(side.parts)}
    origin = {label(name, part): (name, part.backbone) for part in side.parts for name in part.methods}
    legend = keys(shapes, ordered(family(name) for name in side.methods))
    figure = Figure(figsize=(WIDTH, HEIGHT + LINE * len(legend) / 2), layout="constrained")
    axes = figure.add_subplot(xscale="log", xlabel=f"{cost.title} of a task, logarithmic")
    axes.set_ylabel("mean test accuracy, %")
    marks = spread_axes(axes, found, cost.write)
    front = pareto(marks, axes.get_xlim()[1])
    axes.plot(*zip(*front, strict=True), color=QUIET, linewidth=1.0, alpha=0.7, zorder=1)
    best = [mark for mark in marks if (mark.cost, mark.accuracy) in front]
    for mark in sorted(marks, key=lambda mark: mark in best):
        name, backbone = origin[mark.method]
        look = replace(looks[name], marker=shapes[backbone])
        axes.plot(mark.cost, mark.accuracy, **look.mark(2 * RADIUS * (1.0 if mark in best else SMALL)))
    figure.legend(handles=legend, loc="outside lower left", ncols=2, handletextpad=0.4, borderpad=0)
    told = f"{described(side.grid, len(side.grid.common), mean=True)}; grey stairs: Pareto front, its methods named"
    head(figure, axes, f"Accuracy against {cost.title}, by backbone", told)
    named = [replace(mark, method=origin[mark.method][0]) for mark in best]
    name_points(figure, axes, named, [mark for mark in marks if mark not in best], [front], looks)
    return figure


def keys(shapes: dict[str, str], families: Sequence[str]) -> list[Line2D]:
    """The keys of a legend with two columns of one length: backbones by their shapes, families by their colours."""
    first = [Line2D([], [], label=name, **Look(QUIET, shape).mark(7)) for name, shape in shapes.items()]
    second = [Line2D([], [], label=name, **Look(HUES[name], "o").mark(7)) for name in families]
    length = max(len(first), len(second))
    return [key for column in (first, second) for key in (*column, *[blank()] * (length - len(column)))]


def blank() -> Line2D:
    """A key that shows nothing."""
    return Line2D([], [], label=" ", linestyle="none")
