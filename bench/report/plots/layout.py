"""What plots are dressed with: headings, legends, subtitles, and markers that stay visible under others."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted
from bench.report.plots.style import QUIET, SHAPES, WIDTH
from bench.statistics import Interval

CROWD = 80  # markers: among more, larger ones would only hide others
COVERED = 0.4  # of a marker's size: a marker nearer than this under another one would hardly be seen


def head(figure: Figure, axes: Axes, title: str, subtitle: str) -> None:
    """Sets a bold title and a quiet subtitle that says what exactly is plotted, both flush left. Call it last."""
    letters = round(105 * figure.get_figwidth() / WIDTH)
    told = axes.set_title(textwrap.fill(subtitle, letters), loc="left", fontsize=8, color=QUIET, pad=8)
    text = figure.suptitle(title, ha="left", fontsize=11, fontweight="bold")
    figure.draw_without_rendering()  # lays the figure out: before that nobody knows where its axes begin
    box = told.get_window_extent()
    if box.x1 > figure.bbox.x1:  # long names at the left leave less room
        share = (figure.bbox.x1 - box.x0) / box.width
        told.set_text(textwrap.fill(subtitle, int(share * max(map(len, told.get_text().split("\n"))))))
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    above = told.get_window_extent().y1 + 0.07 * figure.dpi
    text.set(x=axes.get_position().x0, y=above / figure.bbox.height, va="bottom")


def heading(figure: Figure, title: str, subtitle: str, *, place: bool = True) -> None:
    """Sets title and subtitle of a figure with several panels. Call it last.

    With `place` the panels are laid out below the heading, which is flush left with the first panel. Without it they
    stay where they are, and the heading is flush left with the figure.
    """
    lines = textwrap.wrap(subtitle, round(112 * figure.get_figwidth() / WIDTH))
    inch = 1 / figure.get_figheight()
    left = 0.1 / figure.get_figwidth()
    if place:
        height = (0.3 + 0.15 * len(lines)) * inch
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - height))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        left = figure.axes[0].get_position().x0
    figure.suptitle(title, x=left, y=1 - 0.08 * inch, ha="left", va="top", fontsize=11, fontweight="bold")
    figure.text(left, 1 - 0.3 * inch, "\n".join(lines), ha="left", va="top", fontsize=8, color=QUIET)


def legend(figure: Figure, methods: Sequence[str], **handles: Any) -> None:
    """Writes the methods' names below the plot, in as many columns as fit its width."""
    figure.legend(
        loc="outside lower left", ncols=legend_columns(methods, figure.get_figwidth()),
        handletextpad=0.4, columnspacing=1.2, borderpad=0, **handles,
    )  # fmt: skip


def legend_columns(methods: Sequence[str], width: float) -> int:
    """How many columns of names fit into a width in inches."""
    longest = max(map(len, methods), default=0) + 8
    return max(1, min(len(methods), round(100 * width / WIDTH) // longest))


def legend_height(methods: Sequence[str]) -> float:
    """Inches that the names take below a plot of the usual width."""
    return 0.2 * -(-len(methods) // legend_columns(methods, WIDTH))


def reveal(figure: Figure) -> None:
    """Enlarges each lone marker that a later marker covers, so that both are seen. Their places do not change.

    The layout must be final.
    """
    for axes in figure.axes:
        lone = [(line, np.array(line.get_xydata(), dtype=float)) for line in axes.lines if line.get_marker() in SHAPES]
        marks = [line for line, at in lone if len(at) == 1]
        places = [tuple(axes.transData.transform(at[0])) for _, at in lone if len(at) == 1]
        if len(marks) > CROWD:
            continue
        near = [line.get_markersize() * figure.dpi / 72 * COVERED for line in marks]
        for at, line in enumerate(marks):
            above = sum(math.dist(places[at], place) < near[at] for place in places[at + 1 :])
            line.set_markersize(line.get_markersize() * (1 + 0.5 * min(above, 2)))


def described(grid: Grid, tasks: int, *, mean: bool) -> str:
    """`demo suite, backbone mobilenetv2_100, quick recipes, mean over 7 tasks, 3 seeds`."""
    scale = counted(tasks, "task")
    if mean and tasks > 1:
        scale = (
            f"mean over {scale}" if grid.common == grid.tasks else f"mean over the {scale} that all methods finished"
        )
    return f"{grid.about}, {scale}, {counted(len(grid.seeds), 'seed')}"


def whiskers(intervals: Iterable[Interval | None]) -> str:
    """`; bars: 95 % intervals over test images and seeds`, for a subtitle; empty without intervals.

    The space before % does not break.
    """
    found = {interval.covers for interval in intervals if interval}
    names = {"images": "test images", "seeds": "seeds"}
    told = [" and ".join(names[source] for source in covers) for covers in sorted(found)]
    return f"; bars: 95\u00a0% intervals over {' or '.join(told)}" if told else ""
