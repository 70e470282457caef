"""The plot of tuning: the trials of each method, in order and by a hyper-parameter, and the chosen ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from textwrap import shorten
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import Transform, blended_transform_factory

from bench.records.studies import Study, Trial
from bench.report.numbers.gains import leading, leading_note
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import counted, folded
from bench.report.plots.layout import heading
from bench.report.plots.scales import round_values
from bench.report.plots.style import FAINT, INK, QUIET, WIDTH, Look

ROW = 1.15  # inches
LEFT, MIDDLE, RIGHT, BELOW = 2.0, 0.45, 0.15, 0.1  # inches, of margins
PANEL = (WIDTH - LEFT - MIDDLE - RIGHT) / 2  # inches, width of a panel
LETTER = 0.062  # inches that a letter of a tick's label takes
DEEPEST = -15.0  # points: a trial further below the default is drawn at the edge
MANY = 100  # trials in a panel: from here on an SVG holds them as pixels
FEW = 30  # trials in a panel: up to here they are drawn darker
WIDE = 30.0  # ratio of largest to smallest value: from here on an axis is logarithmic


class Point(NamedTuple):
    """A trial with a validation accuracy."""

    trial: Trial
    height: float  # points above the default
    chosen: bool


def by_trial(grid: Grid, found: Sequence[Study], looks: Mapping[str, Look]) -> Figure | None:
    """A row for each method: validation accuracy over trials, and over a hyper-parameter. None without trials."""
    of = {m: points([s for s in found if s.method == m]) for m in ordered(study.method for study in found)}
    everyone = [method for method, tried in of.items() if tried]
    rows = {method: of[method] for method in leading(grid, everyone)}
    if not rows:
        return None
    height = BELOW + len(rows) * ROW + 0.75
    figure = Figure(figsize=(WIDTH, height))
    for at, (method, tried) in enumerate(rows.items()):
        y = (BELOW + (len(rows) - 1 - at) * ROW) / height
        for column, x in enumerate((LEFT, LEFT + PANEL + MIDDLE)):
            axes = figure.add_axes((x / WIDTH, y + 0.3 / height, PANEL / WIDTH, (ROW - 0.42) / height))
            draw_panel(axes, method, tried, column, looks[method])
    tasks = counted(len({study.task for study in found}), "task")
    pruned = sum(trial.val is None for study in found for trial in study.trials)
    lowest = min(point.height for tried in rows.values() for point in tried)
    told = (
        f"{grid.about}, {tasks}; validation accuracy minus that of the default "
        "(trial 0), in points; ringed: chosen"
        + leading_note(list(rows), everyone)
        + (f"; not drawn: {counted(pruned, 'trial')} without a figure" if pruned else "")
        + (f"; more than {-DEEPEST:.0f} points below: at the edge" if lowest < DEEPEST else "")
    )
    heading(figure, "Tuning: what was tried and what was chosen", told, place=False)
    return figure


def points(found: Sequence[Study]) -> list[Point]:
    """Every trial with an accuracy, its height counted from the default of its study, else from the first trial."""
    tried = []
    for study in found:
        measured = [trial for trial in study.trials if trial.val is not None]
        base = next((trial.val for trial in measured if trial.default), measured[0].val if measured else None)
        for trial in measured:
            if trial.val is not None and base is not None:
                tried.append(Point(trial, 100 * (trial.val - base), trial.number == study.chosen))
    return tried


def draw_panel(axes: Axes, method: str, tried: Sequence[Point], column: int, look: Look) -> None:
    """Trials by number in the left column (0), by hyper-parameter in the right column (1)."""
    name = main_parameter(tried)
    if column and not name:
        place = nowhere(axes)
    else:
        place = by_value(axes, tried, name) if column and name else by_number(axes, tried)
    axes.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
    for chosen in (False, True):
        some = [point for point in tried if point.chosen is chosen]
        style = look.mark(6 if chosen else 4) | {"rasterized": len(some) > MANY}
        style |= (
            {"markeredgecolor": INK, "markeredgewidth": 1.0} if chosen else {"alpha": 0.8 if len(some) <= FEW else 0.45}
        )
        x, y = [place(point.trial) for point in some], [max(point.height, DEEPEST) for point in some]
        axes.plot(x, y, **style, clip_on=False, zorder=3 if chosen else 2)
    heights = [max(point.height, DEEPEST) for point in tried]
    room = max(0.12 * (max(heights) - min(heights)), 0.5)
    axes.set_ylim(min(heights) - room, max(heights) + room)
    axes.tick_params(labelsize=7)
    axes.locator_params(axis="y", nbins=4)
    axes.grid(color=FAINT)
    axes.set_xlabel((name or "nothing varied") if column else "trial", fontsize=7.5, labelpad=1)
    if column == 0:
        label: dict[str, Any] = {"ha": "left", "va": "center", "fontsize": 8.5, "color": INK}
        axes.text(0.1 / WIDTH, 0.5, "\n".join(folded(method, 20)), **label, transform=blended(axes))


def blended(axes: Axes) -> Transform:
    """Coordinates: x in fractions of the figure, y in fractions of the axes."""
    return blended_transform_factory(axes.figure.transFigure, axes.transAxes)


def by_number(axes: Axes, tried: Sequence[Point]) -> Callable[[Trial], float]:
    """Sets the axis of trial numbers; returns where a trial stands."""
    last = max(point.trial.number for point in tried)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True) if last else FixedLocator([0]))
    axes.set_xlim(-0.04 * last - 0.3, 1.04 * last + 0.3)
    return lambda trial: float(trial.number)


def nowhere(axes: Axes) -> Callable[[Trial], float]:
    """Puts all trials at one place, for methods without a hyper-parameter that varied."""
    axes.set_xticks([])
    axes.set_xlim(-1, 1)
    return lambda trial: 0.0


def by_value(axes: Axes, tried: Sequence[Point], name: str) -> Callable[[Trial], float]:
    """Sets the axis of a hyper-parameter: a scale or categories. Returns where a trial stands; None is at the left."""
    values = [point.trial.params.get(name) for point in tried]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len([value for value in values if value is not None]):
        names = ordered(str(value) for value in values)
        axes.set_xticks(range(len(names)), [shorten(text, 14, placeholder="…") for text in names])
        return lambda trial: float(names.index(str(trial.params.get(name))))
    logarithmic = min(numbers) > 0 and max(numbers) / min(numbers) >= WIDE
    scaled: Callable[[float], float] = math.log10 if logarithmic else float
    low, high = scaled(min(numbers)), scaled(max(numbers))
    span = (high - low) or 1.0
    ticks = round_values(low, high) if logarithmic else list(MaxNLocator(4).tick_values(low, high))
    ticks = ticks if high > low else [low]
    labels = [number(10**at if logarithmic else at) for at in ticks]
    nothing = low - 0.15 * span
    if None in values:
        ticks, labels = [nothing, *ticks], ["none", *labels]
    left, right = (nothing if None in values else low) - 0.05 * span, high + 0.05 * span
    shown = apart([(PANEL * (at - left) / (right - left), len(text)) for at, text in zip(ticks, labels, strict=True)])
    axes.set_xticks([ticks[at] for at in shown], [labels[at] for at in shown])
    axes.set_xlim(left, right)
    return lambda trial: nothing if trial.params.get(name) is None else scaled(trial.params[name])


def apart(labels: Sequence[tuple[float, int]]) -> list[int]:
    """Which tick labels, given as (middle in inches, letters), stand apart within a panel. Earlier ones go first."""
    shown: list[int] = []
    for at, (middle, letters) in enumerate(labels):
        last, wide = labels[shown[-1]] if shown else (-math.inf, 0)
        if middle <= PANEL and middle - last >= LETTER * (1.5 + (letters + wide) / 2):
            shown.append(at)
    return shown


def number(value: float) -> str:
    """`1,200`, `0.015`, `1e-5`."""
    if 0 < abs(value) < 0.001:
        figures, power = f"{value:.1e}".split("e")
        return f"{float(figures):g}e{int(power)}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main_parameter(tried: Sequence[Point]) -> str | None:
    """The method's first hyper-parameter that differs between trials; None where none does."""
    names = ordered(name for point in tried for name in point.trial.params)
    return next((name for name in names if len({repr(point.trial.params.get(name)) for point in tried}) > 1), None)
