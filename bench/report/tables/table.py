"""A table of a report: frames of the numbers, of how they are written, and of which of them are best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from math import isfinite
from typing import NamedTuple

from pandas import DataFrame, Index, MultiIndex

from bench.report.numbers.grid import Score
from bench.report.numbers.units import MISSING, percent

STYLES = ("", "font-weight: bold", "text-decoration: underline")  # of a figure that is neither, the best, the second


class Row(NamedTuple):
    """One row before it is part of a table. Everything is by column."""

    texts: Mapping[str, str]
    values: Mapping[str, float | None] = {}  # the numbers behind the texts, where there are any
    printed: Mapping[str, float | None] = {}  # numbers as printed, of which the highest is best
    notes: Mapping[str, str] = {}  # what stands below a figure, smaller


@dataclass(frozen=True, eq=False)
class Table:
    """Figures by row and column. All frames have the same rows and columns.

    Mostly a row is (section, row), and the columns are methods. With `methods_down` the rows are methods.
    """

    title: str
    text: DataFrame  # every figure as it is shown
    values: DataFrame  # the numbers behind: fractions, FLOPs, bytes, seconds; NaN where there is none
    place: DataFrame  # 1 the best, 2 the second, 0 neither
    notes: DataFrame  # what stands below a figure, smaller
    note: str = ""  # how to read the table, and what its means are over
    methods_down: bool = False

    @property
    def sections(self) -> dict[str, list[tuple[str, str]]]:
        """The rows of each section."""
        found: dict[str, list[tuple[str, str]]] = {}
        for place in self.text.index:
            found.setdefault(place[0], []).append(place)
        return found

    def turned(self) -> Table:
        """The same figures with methods down, and the sections left out."""
        frames = {name: getattr(self, name).droplevel(0).T for name in ("text", "values", "place", "notes")}
        return replace(self, **frames, methods_down=True)

    def ordered_by(self, name: str) -> Table:
        """The same rows with the highest figure of a column first. Rows without one come last."""
        order = self.values[name].sort_values(ascending=False, kind="stable").index
        return replace(self, **{part: getattr(self, part).loc[order] for part in ("text", "values", "place", "notes")})

    def blocks(self, most: int) -> Iterator[list[str]]:
        """The names of the columns, at most so many at a time."""
        names = list(self.text.columns)
        for start in range(0, len(names), most):
            yield names[start : start + most]

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        style = self.text.style.format(escape="html").format_index(escape="html").format_index(escape="html", axis=1)
        style.apply(lambda _: self.place.map(STYLES.__getitem__), axis=None).set_caption(escape(self.title))
        return str(style.to_html())


def table(
    title: str, columns: Iterable[str], rows: Mapping[tuple[str, str], Row], note: str = "", methods_down: bool = False
) -> Table:
    """The table with these rows. A figure that a row does not have is an empty text.

    The best is marked among the methods: in each row, or in each column with `methods_down`.
    """
    across, down = Index(columns, dtype=object), MultiIndex.from_tuples(rows, names=("section", "row"))
    texts, values, printed, notes = (list(parts) for parts in zip(*rows.values(), strict=True))
    text, below = (DataFrame(parts, down, across, dtype=object).fillna("") for parts in (texts, notes))
    numbers, shown = (DataFrame(parts, down, across, dtype=float) for parts in (values, printed))
    return Table(title, text, numbers, places(shown, 0 if methods_down else 1), below, note, methods_down)


def places(printed: DataFrame, axis: int) -> DataFrame:
    """1 for the highest figure along the axis and 2 for the second highest, ties included. A lone figure has none."""
    order = printed.rank(axis=axis, method="dense", ascending=False)
    several = printed.count(axis=axis) > 1
    return order.where(order <= 2, 0).mul(several, axis=1 - axis).astype(int)


def scores_row(scores: Mapping[str, Score | None]) -> Row:
    """Accuracies in percent. What ties at the one decimal that is printed is best together."""
    return Row(
        {name: percent(score.mean, score.std) if score else MISSING for name, score in scores.items()},
        {name: score.mean if score else None for name, score in scores.items()},
        {name: round(1000 * score.mean) if score else None for name, score in scores.items()},
    )


def numbers_row(values: Mapping[str, float | None], write: Callable[[float | None], str]) -> Row:
    """Numbers of which none is marked as best. One that is not finite is missing."""
    known = {name: value if value is not None and isfinite(value) else None for name, value in values.items()}
    return Row({name: MISSING if value is None else write(value) for name, value in known.items()}, known)
