"""The look of every plot: one colour and marker a method, quiet axes, type that is legible in a paper's column."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.statistics import Interval
INK, QUIET, FAINT = "#222222", "#767676", "#e4e4e4"
WIDTH = 7.5  # inches, of most plots
# Okabe & Ito (2008), safe for colour-blind readers, less its yellow, too pale on white; then Paul Tol's muted scheme.
# Markers repeat after another number of methods than colours do, so that a pair of them never comes back soon.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00",
    "#56B4E9", "#882255", "#999933", "#332288", "#44AA99", "#8C510A",
)  # fmt: skip
LARGER = {"*": 1.6, "P": 1.15, "X": 1.1, "p": 1.15, "h": 1.1, "D": 0.85, "d": 1.1}  # so that all look of a size
SHAPES = {  # matplotlib's markers, and each as an SVG path in a square of 16, for the page
    "o": "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z",
    "s": "M3 3h10v10H3z",
    "^": "M8 2l6.5 11.5h-13z",
    "D": "M8 1.5L14.5 8 8 14.5 1.5 8z",
    "v": "M8 14L1.5 2.5h13z",
    "P": "M5.5 1.5h5v4h4v5h-4v4h-5v-4h-4v-5h4z",
    "X": "M4.5 1.5L8 5l3.5-3.5 3 3L11 8l3.5 3.5-3 3L8 11l-3.5 3.5-3-3L5 8 1.5 4.5z",
    "p": "M8 1.5L14.2 6l-2.4 7.3H4.2L1.8 6z",
    "<": "M2 8l11.5-6.5v13z",
    "h": "M8 1.5l5.6 3.25v6.5L8 14.5l-5.6-3.25v-6.5z",
    ">": "M14 8L2.5 14.5v-13z",
    "*": "M8 1l1.8 5H15l-4.2 3.1 1.6 5L8 11l-4.4 3.1 1.6-5L1 6h5.2z",
    "d": "M8 1l4 7-4 7-4-7z",
}
MARKERS = tuple(SHAPES)
CROWD = 80  # markers, of which larger ones would only hide more
COVERED = 0.4  # of a marker's size: nearer than this, the one that is drawn first would hardly be seen
RC: dict[Any, Any] = {  # of matplotlib.rc_context
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that a plot looks alike on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "head2head",  # the same numbers give the same file
}


@dataclass(frozen=True)
class Look:
    """How a method is drawn in all plots of a report."""

    colour: str
    marker: str

    def mark(self, size: float) -> dict[str, Any]:
        """Arguments of `Axes.plot` for a marker of about so many typographic points, with a thin white rim."""
        wide = size * LARGER.get(self.marker, 1.0)
        rim = {"markeredgecolor": "white", "markeredgewidth": size / 14}
        return {"linestyle": "none", "marker": self.marker, "color": self.colour, "markersize": wide, **rim}


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """One look a method; 156 methods before two look alike."""
    return {
        name: Look(COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]) for index, name in enumerate(methods)
    }


def head(figure: Figure, axes: Axes, title: str, subtitle: str) -> None:
    """A bold title and below it, in a quieter line or two, what exactly is plotted; called last, both flush left."""
    told = axes.set_title(textwrap.fill(subtitle, 105), loc="left", fontsize=8, color=QUIET, pad=8)
    text = figure.suptitle(title, ha="left", fontsize=11, fontweight="bold")
    figure.draw_without_rendering()  # only a figure that was laid out knows where its axes begin
    box = told.get_window_extent()
    if box.x1 > figure.bbox.x1:  # long names at the left leave less room
        share = (figure.bbox.x1 - box.x0) / box.width
        told.set_text(textwrap.fill(subtitle, int(share * max(map(len, told.get_text().split("\n"))))))
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    text.set_x(axes.get_position().x0)


def heading(figure: Figure, title: str, subtitle: str, *, place: bool = True) -> None:
    """As `head` for a figure of several panels, flush left with the first; called last.

    With `place` the panels are laid out below it; without, they stay where they are, and the heading is flush left with
    the figure.
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
    """The methods' names below the plot, in as many columns as fit its width."""
    figure.legend(
        loc="outside lower left", ncols=legend_columns(methods, figure.get_figwidth()),
        handletextpad=0.4, columnspacing=1.2, borderpad=0, **handles,
    )  # fmt: skip


def legend_columns(methods: Sequence[str], width: float = WIDTH) -> int:
    longest = max(map(len, methods), default=0) + 8
    return max(1, min(len(methods), round(100 * width / WIDTH) // longest))


def legend_height(methods: Sequence[str], width: float = WIDTH) -> float:
    """Inches."""
    return 0.2 * -(-len(methods) // legend_columns(methods, width))


def reveal(figure: Figure) -> None:
    """Enlarges each lone marker that a later one covers, so that both are seen; where they stand stays exact.

    Called when the layout is final.
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
    """`demo suite, backbone mobilenetv2_100, mean over 7 tasks, 3 seeds`."""
    scale = counted(tasks, "task")
    if mean and tasks > 1:
        scale = (
            f"mean over {scale}" if grid.common == grid.tasks else f"mean over the {scale} that all methods finished"
        )
    return f"{grid.suite} suite, backbone {grid.backbone}, {scale}, {counted(len(grid.seeds), 'seed')}"


def whiskers(intervals: Iterable[Interval | None]) -> str:
    """What the bars are, for a subtitle: `; bars: 95 % intervals over test images and seeds`, empty without any.

    No line ends before the %.
    """
    found = {interval.covers for interval in intervals if interval}
    names = {"images": "test images", "seeds": "seeds"}
    told = [" and ".join(names[source] for source in covers) for covers in sorted(found)]
    return f"; bars: 95\u00a0% intervals over {' or '.join(told)}" if told else ""
