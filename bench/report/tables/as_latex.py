"""Tables as LaTeX: methods down, tasks across under their groups; the best in bold, the second underlined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise

from pandas import DataFrame

from bench.report.tables.table import Table

WIDTH = 175  # characters side by side: the 19 tasks of VTAB with their means, or about 12 columns with deviations
GAP = 2  # characters between columns
HEAD = """% Tables of a Head2Head report. They need \\usepackage{booktabs,graphicx}.
% With names in other scripts than Latin, compile with LuaLaTeX or XeLaTeX.
"""
STYLES = ("", "textbf:--rwrap", "underline:--rwrap")  # of a figure that is neither, the best, the second
# For cells, headings and captions alike: pandas escapes no caption, and leaves signs that old fonts print wrongly.
SPECIAL = str.maketrans({
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\n": " ",
    "±": r"$\pm$", "−": r"$-$", "–": "--", "×": r"$\times$", "<": r"$<$", ">": r"$>$", "…": r"\ldots{}",
    "|": r"\textbar{}", "[": "{[}",  # which would be an argument behind the end of a row
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
})  # fmt: skip


def as_latex(tables: Sequence[Table]) -> str:
    """Every table as a float of its own. One that is too wide goes on in further ones."""
    floats = [HEAD]
    for number, table in enumerate(tables, start=1):
        for at, text in enumerate([table.text] if table.methods_down else parts(table.text), start=1):
            told = caption(table) if at == 1 else f"{table.title}, continued."
            floats.append(as_float(tabular(table, text), f"{number}-{at}", told))
    return "\n".join(floats)


def parts(text: DataFrame) -> Iterator[DataFrame]:
    """The rows that fit side by side once they are columns, whole sections where possible.

    Methods without any text in these rows are left out.
    """
    widths = text.map(len).max(axis=1) + GAP
    room, used, part, found = WIDTH - max(map(len, text.columns)), 0, 0, []
    for _, section in widths.groupby(level=0, sort=False):
        for at, width in enumerate(section):
            if used and used + (width if at else section.sum()) > room:
                part, used = part + 1, 0
            used += width
            found.append(part)
    for _, piece in text.groupby(found):
        yield piece.T.loc[(piece != "").any()]


def tabular(table: Table, text: DataFrame) -> str:
    """Part of a table with methods down. pandas lays it out with the rules of booktabs."""
    places = table.place if table.methods_down else table.place.T
    style = text.style.apply(lambda _: places.loc[text.index, text.columns].map(STYLES.__getitem__), axis=None)
    style.format(shown).hide(names=True).hide(names=True, axis=1)
    for axis, index, inner in ((0, text.index, code), (1, text.columns, upright)):
        style.format_index(dict.fromkeys(range(index.nlevels - 1), escaped) | {index.nlevels - 1: inner}, axis)
    spec = "l" * text.index.nlevels + " " + "r" * len(text.columns)
    if table.methods_down:
        plain = style.to_latex(column_format=spec, hrules=True, clines="skip-last;data", multirow_align="naive")
        return re.sub(r"\\cmidrule\S+\n(?=\\bottomrule)", "", plain.replace(r"\cline", r"\cmidrule"))
    lines: str = style.to_latex(column_format=spec, hrules=True, multicol_align="c")
    return lines.replace("\\\\\n", f"\\\\\n{rules(text.columns.get_level_values(0))}\n", 1)


def rules(groups: Iterable[str]) -> str:
    """A line below the name of each group, over its columns."""
    ends = accumulate((len(list(part)) for _, part in groupby(groups)), initial=1)
    return "".join(rf"\cmidrule(lr){{{start + 1}-{end}}}" for start, end in pairwise(ends))


def shown(text: str) -> str:
    """A figure. Its deviation is set small, so that many columns fit."""
    return re.sub(r" (\$\\pm\$) (.*)", r"\\,{\\tiny\1\2}", escaped(text))


def code(name: str) -> str:
    """The name of a method."""
    return rf"\texttt{{{escaped(name)}}}"


def upright(name: str) -> str:
    """The heading of a column."""
    return rf"\rotatebox{{90}}{{{escaped(name)}}}"


def as_float(lines: str, number: str, told: str) -> str:
    """One float; shrunk to the width of the page where it is wider."""
    return "\n".join([
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escaped(told)}}}",
        rf"\label{{tab:head2head-{number}}}",
        r"\medskip",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        lines.strip() + "}",
        r"\end{table*}",
        "",
    ])  # fmt: skip


def caption(table: Table) -> str:
    """What the table shows and how to read it."""
    return f"{table.title}. {table.note[:1].upper()}{table.note[1:]}." if table.note else f"{table.title}."


def escaped(text: str) -> str:
    """Text as LaTeX shows it, letter by letter."""
    return text.translate(SPECIAL)
