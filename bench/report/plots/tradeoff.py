"""The plot of accuracy against a cost: a point and a name for each method, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.registry import METHODS, Label
from bench.report.numbers.evidence import mean_interval
from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.units import folded, listed, prefixed
from bench.report.plots.labels import Boxes, Line, place, place_clear
from bench.report.plots.layout import described, head, legend, legend_height, reveal, whiskers
from bench.report.plots.scales import SUNK, Mark, spread_axes
from bench.report.plots.style import INK, QUIET, WIDTH, Look
from bench.report.words.choices import any_tuned

NARROW, FEW, EACH = 5.4, 8, 0.1  # inches: the width for a few methods, and what each further method adds
RADIUS = 4.0  # of a marker, typographic points
NAME_WIDTH = 28  # characters; longer names go on in the next line
MANY = 14  # methods: among more, the Pareto front is named, and others only where there is room
SMALL = 0.7  # of the size of a marker, where it has no name beside it
FAR = 3.5  # radii: a name further from its point than this gets a line to it


@dataclass(frozen=True)
class Cost:
    """What a trade-off has on its x axis."""

    name: str
    write: Callable[[float], str]
    field: str
    title: str
    tuned: tuple[str, str] | None = None  # field and title where any method was tuned, for tuning is a cost too

    def of(self, grid: Grid) -> Cost:
        """The same cost with tuning counted in, where there was any."""
        if self.tuned is None or not any_tuned(grid):
            return self
        return replace(self, field=self.tuned[0], title=self.tuned[1])


COSTS = (
    Cost(
        "flops", lambda value: prefixed(value, "FLOP"), "train_flops", "training FLOPs",
        ("adapt_flops", "FLOPs of training and tuning"),
    ),
    Cost("bytes", lambda value: prefixed(value, "B"), "stored_bytes", "stored bytes"),
    Cost(
        "seconds", lambda value: f"{value:,.6g} s", "train_seconds", "device-seconds of training",
        ("adapt_seconds", "device-seconds of training and tuning"),
    ),
)  # fmt: skip


def trade_off(grid: Grid, cost: Cost, looks: Mapping[str, Look]) -> Figure:
    """Mean accuracy over the common tasks against the mean cost of a task, on a logarithmic axis."""
    found = points_of(grid, cost)
    wide, tall = size(len(found))
    crowd = [mark.method for mark in found] if len(found) > MANY else []
    figure = Figure(figsize=(wide, tall + (legend_height(crowd) if crowd else 0.0)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlabel(f"{cost.title} of a task, logarithmic")
    axes.set_ylabel("mean test accuracy, %")
    marks = spread_axes(axes, found, cost.write)
    lines = [pareto(marks, axes.get_xlim()[1])]
    axes.plot(*zip(*lines[0], strict=True), color=QUIET, linewidth=1.0, alpha=0.7, zorder=1)
    best = marks if not crowd else [mark for mark in marks if (mark.cost, mark.accuracy) in lines[0]]
    for mark in sorted(marks, key=lambda mark: mark in best):
        look = looks[mark.method]
        part = 1.0 if mark in best else SMALL
        axes.plot(mark.cost, mark.accuracy, label=mark.method, **look.mark(2 * RADIUS * part))
        if mark.interval and mark in best:
            lines.append([(mark.cost, end) for end in mark.interval])
            axes.plot(*zip(*lines[-1], strict=True), color=look.colour, linewidth=0.9, zorder=1.5)
    if crowd:
        handles = {line.get_label(): line for line in axes.lines}
        legend(figure, crowd, handles=[handles[name] for name in crowd], labels=crowd)
    head(figure, axes, f"Accuracy against {cost.title}", subtitle(grid, marks, bool(crowd)))
    if not crowd:
        reveal(figure)
    others = [mark for mark in marks if mark not in best]
    boxes = name_points(figure, axes, best, others, lines, looks)
    name_more(figure, axes, asked_first(others), best, lines, boxes)
    return figure


def asked_first(marks: Sequence[Mark]) -> list[Mark]:
    """The methods that `core` selects, then all others."""
    return sorted(marks, key=lambda mark: not METHODS.is_core(Label.parse(mark.method).name))


def size(methods: int) -> tuple[float, float]:
    """Width and height in inches: small for a few methods, so that type is large where two plots share a screen."""
    width = min(WIDTH, NARROW + EACH * max(0, methods - FEW))
    return width, 0.6 * width + 0.9


def points_of(grid: Grid, cost: Cost) -> list[Mark]:
    """The methods that have both figures, in the order of the store."""
    marks = []
    for method in grid.compared:
        score, spent = grid.mean(method, [list(grid.common)]), grid.cost(method, cost.field)
        if score and finite(spent) and spent >= 0:
            found = mean_interval(grid, method, [list(grid.common)])
            ends = (100 * found.low, 100 * found.high) if found else None
            marks.append(Mark(method, spent, 100 * score.mean, ends))
    return marks


def pareto(marks: Sequence[Mark], right: float) -> list[tuple[float, float]]:
    """Corners of the Pareto front, as stairs up to the right edge."""
    corners: list[tuple[float, float]] = []
    for mark in sorted(marks, key=lambda mark: (mark.cost, -mark.accuracy)):
        if not corners:
            corners.append((mark.cost, mark.accuracy))
        elif mark.accuracy > corners[-1][1]:
            corners += [(mark.cost, corners[-1][1]), (mark.cost, mark.accuracy)]
    return [*corners, (right, corners[-1][1])]


def name_points(
    figure: Figure, axes: Axes, marks: Sequence[Mark], others: Sequence[Mark], lines: Sequence[Line],
    looks: Mapping[str, Look],
) -> Boxes:  # fmt: skip
    """Writes each method's name near its point; a name that is far away gets a line to it. The layout must be final.

    `others` get no name here. Returns the boxes of the names, in pixels.
    """
    names, sizes = written(axes, marks)
    to_data = axes.transData.inverted().transform
    points, nameless = in_pixels(axes, marks), in_pixels(axes, others)
    radius = RADIUS * figure.dpi / 72
    boxes = place(points, sizes, frame_of(axes, radius), crossed(axes, lines), radius, nameless)
    for name, mark, point, box in zip(names, marks, points, boxes, strict=True):
        name.set_position(tuple(to_data(box[:2])))
        name.set_multialignment("right" if box[2] < point[0] else "left")
        end = (min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3]))
        if math.dist(point, end) > FAR * radius:
            axes.plot(*to_data([point, end]).T, color=looks[mark.method].colour, linewidth=0.6, alpha=0.7, zorder=1)
    return boxes


def name_more(
    figure: Figure, axes: Axes, marks: Sequence[Mark], best: Sequence[Mark], lines: Sequence[Line], taken: Boxes
) -> None:
    """Writes further names, the first ones first, each only where it touches nothing that is there."""
    names, sizes = written(axes, marks)
    to_data = axes.transData.inverted().transform
    radius = RADIUS * figure.dpi / 72
    points, others = in_pixels(axes, marks), in_pixels(axes, best)
    for at, name in enumerate(names):
        nameless = [*others, *points[:at], *points[at + 1 :]]
        free = place_clear(
            [points[at]], [sizes[at]], frame_of(axes, radius), crossed(axes, lines), radius, nameless, taken
        )
        if 0 in free:
            name.set_position(tuple(to_data(free[0][:2])))
            taken = np.vstack([taken, free[0]])
        else:
            name.remove()


def written(axes: Axes, marks: Sequence[Mark]) -> tuple[list[Text], list[tuple[float, float]]]:
    """The methods' names, not yet where they belong, and their sizes in pixels."""
    style: dict[str, Any] = {"fontsize": 8, "color": INK, "linespacing": 1.0, "zorder": 4}
    names = [axes.text(0, 0, "\n".join(folded(named(mark), NAME_WIDTH)), **style) for mark in marks]
    return names, [(box.width, box.height) for box in (name.get_window_extent() for name in names)]


def in_pixels(axes: Axes, marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """Where the marks stand."""
    return [tuple(axes.transData.transform((mark.cost, mark.accuracy))) for mark in marks]


def crossed(axes: Axes, lines: Sequence[Line]) -> list[Line]:
    """The lines in pixels: names keep off them where that is cheap."""
    return [[tuple(point) for point in axes.transData.transform(line)] for line in lines]


def frame_of(axes: Axes, radius: float) -> Boxes:
    """What names stay within, (4,), so that none touches an axis."""
    return np.array(axes.bbox.extents) + radius * np.array([1, 1, -1, -1])


def named(mark: Mark) -> str:
    """The method's name, with its accuracy where the mark does not show it to scale."""
    return mark.method if mark.sunk is None else f"{mark.method}: {mark.sunk:.1f} %"


def subtitle(grid: Grid, marks: Sequence[Mark], crowd: bool) -> str:
    """What is averaged, what the lines are, and which methods are not drawn, or not to scale."""
    absent = [method for method in grid.compared if method not in {mark.method for mark in marks}]
    lacking = f"; without a figure and so not drawn: {listed(absent)}" if absent else ""
    bars = whiskers(mean_interval(grid, mark.method, [list(grid.common)]) for mark in marks if mark.interval)
    small = f"; of the {len(marks)} methods those on it are large and named" if crowd else ""
    sunk = SUNK if any(mark.sunk is not None for mark in marks) else ""
    return f"{described(grid, len(grid.common), mean=True)}; grey stairs: Pareto front{small}{bars}{sunk}{lacking}"
