"""The plot of accuracy against a cost: a point and a name for each method, and the front that none surpasses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.report.numbers.evidence import mean_interval
from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.units import folded, listed, prefixed
from bench.report.plots.labels import Line, place
from bench.report.plots.style import FAINT, INK, QUIET, Look, described, head, reveal, whiskers

SIZE = (7.5, 5.2)  # inches
RADIUS = 4.0  # of a marker, typographic points
NAME_WIDTH = 28  # characters; longer names go on in the next line
FAR = 3.5  # radii from its point at which a name gets a line to it
STRIP = 0.16  # of the scale's height, for what is far below it
SUNK = "; below the dashed line: not to scale"
NARROW = 20.0  # points: a smaller gap is worth seeing to scale
# A decade is divided the more finely the fewer decades the axis spans: (least span in decades, divisions).
TICKS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.9, (1,)),
    (1.6, (1, 3)),
    (1.0, (1, 2, 5)),
    (0.8, (1, 2, 3, 5)),
    (0.0, (1, 1.5, 2, 3, 5, 7)),
)


@dataclass(frozen=True)
class Cost:
    """What a trade-off has on its x axis."""

    name: str
    field: str
    title: str
    write: Callable[[float], str]


COSTS = (
    Cost("flops", "train_flops", "training FLOPs", lambda value: prefixed(value, "FLOP")),
    Cost("bytes", "stored_bytes", "stored bytes", lambda value: prefixed(value, "B")),
    Cost("seconds", "train_seconds", "device-seconds of training", lambda value: f"{value:,.6g} s"),
)


@dataclass(frozen=True)
class Mark:
    """A method's place: its cost (for 0, where that is drawn), its mean accuracy and that one's interval in percent."""

    method: str
    cost: float
    accuracy: float
    interval: tuple[float, float] | None = None
    sunk: float | None = None  # its accuracy, where it is drawn below the scale


def trade_off(grid: Grid, cost: Cost, looks: Mapping[str, Look]) -> Figure:
    """Mean accuracy over the common tasks against the mean cost of a task, on a logarithmic axis."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlabel(f"{cost.title} of a task, logarithmic")
    axes.set_ylabel("mean test accuracy, %")
    marks = spread_axes(axes, points_of(grid, cost), cost.write)
    lines = [pareto(marks, axes.get_xlim()[1])]
    axes.plot(*zip(*lines[0], strict=True), color=QUIET, linewidth=1.0, alpha=0.7, zorder=1)
    for mark in marks:
        look = looks[mark.method]
        axes.plot(mark.cost, mark.accuracy, **look.mark(2 * RADIUS))
        if mark.interval:
            lines.append([(mark.cost, end) for end in mark.interval])
            axes.plot(*zip(*lines[-1], strict=True), color=look.colour, linewidth=0.9, zorder=1.5)
    head(figure, axes, f"Accuracy against {cost.title}", subtitle(grid, marks))
    reveal(figure)
    name_points(figure, axes, marks, lines, looks)
    return figure


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
    """Corners of the stairs through the marks that no other mark beats in cost and accuracy, up to the right edge."""
    corners: list[tuple[float, float]] = []
    for mark in sorted(marks, key=lambda mark: (mark.cost, -mark.accuracy)):
        if not corners:
            corners.append((mark.cost, mark.accuracy))
        elif mark.accuracy > corners[-1][1]:
            corners += [(mark.cost, corners[-1][1]), (mark.cost, mark.accuracy)]
    return [*corners, (right, corners[-1][1])]


def spread_axes(axes: Axes, marks: Sequence[Mark], write: Callable[[float], str]) -> list[Mark]:
    """Sets limits and ticks with room for the names.

    A cost of 0 goes to a strip of its own at the left edge, accuracies far below all others to one at the bottom.
    """
    costs = [math.log10(mark.cost) for mark in marks if mark.cost > 0] or [0.0]
    middle, half = (min(costs) + max(costs)) / 2, max((max(costs) - min(costs)) / 2, 0.2)
    left, right = middle - 1.3 * half, middle + 1.3 * half
    ticks = {10**at: write(10**at) for at in round_values(left, right)}
    zero = 10 ** (left - 0.2 * half)
    if any(mark.cost == 0 for mark in marks):
        axes.axvline(10**left, color=FAINT, linestyle=(0, (4, 3)))
        ticks, left = {zero: write(0), **ticks}, left - 0.5 * half
    axes.set_xlim(10**left, 10**right)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    return sink(axes, [mark if mark.cost else replace(mark, cost=zero) for mark in marks])


def sink(axes: Axes, marks: Sequence[Mark]) -> list[Mark]:
    """Sets the limits and ticks of accuracy; what is far below all others goes to a strip at the bottom."""
    floor = scale_from([mark.accuracy for mark in marks])
    limits = heights([mark for mark in marks if mark.accuracy >= floor])
    if all(mark.accuracy >= floor for mark in marks):
        axes.set_ylim(*limits)
        return list(marks)
    below = strip(axes, *limits)
    return [
        mark if mark.accuracy >= floor else replace(mark, accuracy=below, interval=None, sunk=mark.accuracy)
        for mark in marks
    ]


def strip(axes: Axes, low: float, high: float) -> float:
    """Limits with a strip below the scale, under a dashed line and without ticks; returns the strip's middle."""
    wide = STRIP * (high - low)
    axes.set_ylim(low - wide, high)
    axes.axhline(low, color=QUIET, alpha=0.5, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    room = 3.2 * axes.bbox.height / axes.figure.dpi  # ticks, so many an inch
    ticks = MaxNLocator(min(8, max(3, round(room))), steps=[1, 2, 5, 10]).tick_values(low, high)
    axes.set_yticks([at for at in ticks if low <= at <= high])
    return low - wide / 2


def scale_from(accuracies: Sequence[float]) -> float:
    """The least accuracy that is drawn to scale: those further below it than all above it are apart would hide them."""
    found = sorted(accuracies)
    gaps = [(found[at] - found[at - 1], at) for at in range(1, len(found) - 2)]  # three or more are above
    widest, at = max(gaps, default=(0.0, 0))
    return found[at] if gaps and widest > max(found[-1] - found[at], NARROW) else found[0]


def heights(marks: Sequence[Mark], room: float = 0.6, margin: float = 0.13) -> tuple[float, float]:
    """Limits round the marks and their intervals, of which the widest may leave the frame: they would hide the rest.

    `room` is how far an interval may widen the limits, `margin` what is added on either side, both fractions.
    """
    accuracies = [mark.accuracy for mark in marks]
    low, high = min(accuracies), max(accuracies)
    beyond = max(room * (high - low), 3.0)
    ends = [end for mark in marks for end in mark.interval or ()]
    low, high = max(min([low, *ends]), low - beyond), min(max([high, *ends]), high + beyond)
    rim = max(margin * (high - low), 0.4)
    return low - rim, high + rim


def round_values(low: float, high: float) -> list[float]:
    """Logarithms of three to eight round values between 10**low and 10**high."""
    wide = high - low
    steps = next(steps for least, steps in TICKS if wide >= least)
    every = max(1, round(wide / 7))
    decades = [decade for decade in range(math.floor(low), math.ceil(high)) if decade % every == 0]
    values = [decade + math.log10(step) for decade in decades for step in steps]
    return [value for value in values if low + 0.02 * wide <= value <= high - 0.02 * wide]


def name_points(
    figure: Figure, axes: Axes, marks: Sequence[Mark], lines: Sequence[Line], looks: Mapping[str, Look]
) -> None:
    """Writes each method's name near its point, with a line to it where it had to go far. The layout is final."""
    style: dict[str, Any] = {"fontsize": 8, "color": INK, "linespacing": 1.0, "zorder": 4}
    names = [axes.text(0, 0, "\n".join(folded(named(mark), NAME_WIDTH)), **style) for mark in marks]
    extents = [name.get_window_extent() for name in names]
    to_pixels, to_data = axes.transData.transform, axes.transData.inverted().transform
    points = [tuple(to_pixels((mark.cost, mark.accuracy))) for mark in marks]
    crossed = [[tuple(point) for point in to_pixels(line)] for line in lines]
    sizes = [(box.width, box.height) for box in extents]
    radius = RADIUS * figure.dpi / 72
    frame = np.array(axes.bbox.extents) + radius * np.array([1, 1, -1, -1])  # no name touches an axis
    boxes = place(points, sizes, frame, crossed, radius)
    for name, mark, point, box in zip(names, marks, points, boxes, strict=True):
        name.set_position(tuple(to_data(box[:2])))
        name.set_multialignment("right" if box[2] < point[0] else "left")
        end = (min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3]))
        if math.dist(point, end) > FAR * radius:
            axes.plot(*to_data([point, end]).T, color=looks[mark.method].colour, linewidth=0.6, alpha=0.7, zorder=1)


def named(mark: Mark) -> str:
    return mark.method if mark.sunk is None else f"{mark.method}: {mark.sunk:.1f} %"


def subtitle(grid: Grid, marks: Sequence[Mark]) -> str:
    """What is averaged, what the line is, and which methods could not be drawn, or not to scale."""
    absent = [method for method in grid.compared if method not in {mark.method for mark in marks}]
    lacking = f"; without a figure and so not drawn: {listed(absent)}" if absent else ""
    bars = whiskers(mean_interval(grid, mark.method, [list(grid.common)]) for mark in marks if mark.interval)
    sunk = SUNK if any(mark.sunk is not None for mark in marks) else ""
    return f"{described(grid, len(grid.common), mean=True)}; grey stairs: Pareto front{bars}{sunk}{lacking}"
