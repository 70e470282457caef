"""The style of every plot: colours, one marker a method, quiet axes, and type that is legible in a paper's column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.numbers.families import family

INK, QUIET, FAINT = "#222222", "#767676", "#e4e4e4"
WIDTH = 7.5  # inches, of most plots
DPI = 160  # of the files in pixels
# A hue a family, which colour-blind readers tell apart: Okabe & Ito (2008), and grey for what is of none.
HUES = {"heads": "#0072B2", "weights": "#D55E00", "adapters": "#009E73", "low_rank": "#CC79A7", "others": "#555555"}
DARKEST, PALEST = -0.45, 0.3  # how far a family's members go from its hue towards black and white
SHADES = 3  # of a family of up to 13; more of them where more than 39 are to be told apart
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
    """One look for each method. Families have their hues; marker and lightness tell the members of one apart."""
    families: dict[str, list[str]] = {}
    for name in methods:
        families.setdefault(family(name), []).append(name)
    return {name: look for of, members in families.items() for name, look in members_of(HUES[of], members)}


def members_of(hue: str, members: Sequence[str]) -> Iterator[tuple[str, Look]]:
    """The looks of one family. 13 markers and a number of shades that it does not divide give each pair once."""
    shades = max(SHADES, -(-len(members) // len(MARKERS)))
    for at, name in enumerate(members):
        yield name, Look(shaded(hue, at % shades / (shades - 1)), MARKERS[at % len(MARKERS)])


def shaded(hue: str, light: float) -> str:
    """A hue from its darkest shade (0) to its palest (1)."""
    share = DARKEST + light * (PALEST - DARKEST)
    end = 255 if share > 0 else 0
    parts = [int(hue[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(part + abs(share) * (end - part)):02x}" for part in parts)
