"""The scales of plots of accuracy: limits, round ticks, and a strip for what lies far below all else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.report.plots.style import FAINT, QUIET

STRIP = 0.16  # of the scale's height, for what is far below it
SUNK = "; below the dashed line: not to scale"
NARROW = 20.0  # points: a smaller gap is worth seeing to scale
# The fewer decades an axis spans, the more finely each is divided: (least span in decades, divisions).
TICKS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.9, (1,)),
    (1.6, (1, 3)),
    (1.0, (1, 2, 5)),
    (0.8, (1, 2, 3, 5)),
    (0.0, (1, 1.5, 2, 3, 5, 7)),
)


@dataclass(frozen=True)
class Mark:
    """A method's place in a plot. Accuracy and interval are in percent."""

    method: str
    cost: float
    accuracy: float
    interval: tuple[float, float] | None = None
    sunk: float | None = None  # the true accuracy of a mark that is drawn below the scale


def spread_axes(axes: Axes, marks: Sequence[Mark], write: Callable[[float], str]) -> list[Mark]:
    """Sets limits and ticks with room for names; returns the marks where they are to be drawn.

    A cost of 0 gets a strip at the left edge. Accuracies far below all others get a strip at the bottom.
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
    """Sets limits and ticks of accuracy. Returns the marks; a strip at the bottom holds those far below all others."""
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
    """Sets limits with a strip below the scale, under a dashed line and without ticks; returns the strip's middle."""
    wide = STRIP * (high - low)
    axes.set_ylim(low - wide, high)
    axes.axhline(low, color=QUIET, alpha=0.5, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    room = 3.2 * axes.bbox.height / axes.figure.dpi  # 3.2 ticks an inch
    ticks = MaxNLocator(min(8, max(3, round(room))), steps=[1, 2, 5, 10]).tick_values(low, high)
    axes.set_yticks([at for at in ticks if low <= at <= high])
    return low - wide / 2


def scale_from(accuracies: Sequence[float]) -> float:
    """The lowest accuracy that is drawn to scale.

    Lower ones would squeeze the rest: their distance to it is larger than the whole range above it.
    """
    found = sorted(accuracies)
    gaps = [(found[at] - found[at - 1], at) for at in range(1, len(found) - 2)]  # three or more are above
    widest, at = max(gaps, default=(0.0, 0))
    return found[at] if gaps and widest > max(found[-1] - found[at], NARROW) else found[0]


def heights(marks: Sequence[Mark], room: float = 0.6, margin: float = 0.13) -> tuple[float, float]:
    """Limits around the marks and their intervals. Very wide intervals may leave the frame, so that the rest is seen.

    `room` is how far an interval may widen the limits, `margin` what is added on either side; both are fractions.
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
