"""The style of every plot: colours, one marker a method, quiet axes, and type that is legible in a paper's column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INK, QUIET, FAINT = "#222222", "#767676", "#e4e4e4"
WIDTH = 7.5  # inches, of most plots
DPI = 160  # of the files in pixels
# Colours that colour-blind readers tell apart: Okabe & Ito (2008) without the yellow, which is too pale on white, then
# Paul Tol's muted scheme. There are 12 colours and 13 markers, so that a pair of them returns only after 156 methods.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00",
    "#56B4E9", "#882255", "#999933", "#332288", "#44AA99", "#8C510A",
)  # fmt: skip
LARGER = {"*": 1.6, "P": 1.15, "X": 1.1, "p": 1.15, "h": 1.1, "D": 0.85, "d": 1.1}  # so that all look alike in size
SHAPES = {  # matplotlib's markers, and for the page each as an SVG path in a square of 16
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
RC: dict[Any, Any] = {  # for matplotlib.rc_context
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: a plot looks alike on every machine
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
    "figure.constrained_layout.w_pad": 0.08,  # inches, so that no type touches the edge
    "figure.constrained_layout.h_pad": 0.08,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "head2head",  # the same numbers give the same file
}


@dataclass(frozen=True)
class Look:
    """How a method is drawn in every plot of a report."""

    colour: str
    marker: str

    def mark(self, size: float) -> dict[str, Any]:
        """Arguments of `Axes.plot` for a marker of about this size (typographic points) with a thin white rim."""
        wide = size * LARGER.get(self.marker, 1.0)
        rim = {"markeredgecolor": "white", "markeredgewidth": size / 14}
        return {"linestyle": "none", "marker": self.marker, "color": self.colour, "markersize": wide, **rim}


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """One look for each method."""
    return {
        name: Look(COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]) for index, name in enumerate(methods)
    }
