"""Tables as LaTeX: methods down, tasks across under their groups; the best in bold, the second underlined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.report.tables.main import Table, Value

WIDTH = 175  # characters side by side: the 19 tasks of VTAB with their means, or about 12 columns with deviations
GAP = 2  # characters between columns
HEAD = """% Tables of a Head2Head report. They need \\usepackage{booktabs,graphicx}.
% With names in other scripts than Latin, compile with LuaLaTeX or XeLaTeX.
"""
SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "−": r"$-$", "–": "--", "×": r"$\times$", "<": r"$<$", ">": r"$>$", "…": r"\ldots{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}  # fmt: skip
SPECIAL_LETTER = re.compile("|".join(map(re.escape, SPECIAL)))


@dataclass(frozen=True)
class Column:
    """One row of a table, turned: a task, a mean or a cost, with its value for every method."""

    group: str
    label: str
    values: tuple[Value, ...]


def as_latex(tables: Sequence[Table]) -> str:
    """Every table as a float of its own; one that is too wide goes on in further ones."""
    floats = []
    for number, table in enumerate(tables, start=1):
        if table.methods_down:
            floats.append(as_float(as_it_is(table), f"{number}", caption(table)))
            continue
        for at, part in enumerate(parts(table), start=1):
            told = caption(table) if at == 1 else f"{table.title}, continued."
            floats.append(as_float(turned(table, part), f"{number}-{at}", told))
    return "\n".join([HEAD, *floats])


def parts(table: Table) -> list[list[Column]]:
    """Columns that go side by side: whole groups while they fit."""
    found: list[list[Column]] = [[]]
    room = WIDTH - max(map(len, table.columns))
    for section in table.sections:
        columns = [Column(section.title, row.label, row.values) for row in section.rows]
        if found[-1] and width(found[-1]) + width(columns) > room:
            found.append([])
        for column in columns:
            if found[-1] and width(found[-1]) + width([column]) > room:
                found.append([])
            found[-1].append(column)
    return found


def width(columns: Sequence[Column]) -> int:
    """In characters."""
    return sum(GAP + max(len(value.text) for value in column.values) for column in columns)


def as_float(tabular: Sequence[str], number: str, told: str) -> str:
    """One float; shrunk to the width of the page where it is wider."""
    lines = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escaped(told)}}}",
        rf"\label{{tab:head2head-{number}}}",
        r"\medskip",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        *tabular,
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def turned(table: Table, columns: Sequence[Column]) -> list[str]:
    """A line for each method that has anything in these columns, which stand under their groups."""
    groups = [(name, len(list(part))) for name, part in groupby(column.group for column in columns)]
    rows = [
        row([code(one), *(shown(column.values[at]) for column in columns)])
        for at, one in enumerate(table.columns)
        if any(column.values[at].text for column in columns)
    ]
    spec = "".join(" " + "r" * count for _, count in groups)
    names = row(["", *(upright(column.label) for column in columns)])
    return [rf"\begin{{tabular}}{{l{spec}}}", r"\toprule", *heading(groups), names, r"\midrule", *rows, r"\bottomrule"]


def as_it_is(table: Table) -> list[str]:
    """Lines and columns as they are, the sections parted by rules."""
    lines = [
        rf"\begin{{tabular}}{{l {'r' * len(table.columns)}}}",
        r"\toprule",
        row(["", *map(upright, table.columns)]),
    ]
    for section in table.sections:
        title = rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\textit{{{escaped(section.title)}}}}} \\"
        lines += [r"\midrule", title]
        lines += [row([escaped(one.label), *map(shown, one.values)]) for one in section.rows]
    return [*lines, r"\bottomrule"]


def heading(groups: Sequence[tuple[str, int]]) -> list[str]:
    """The names of the groups over their columns, each with a rule below it."""
    cells, rules, at = [""], [], 2
    for title, count in groups:
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{escaped(title)}}}")
        rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    return [row(cells), "".join(rules)]


def row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def shown(value: Value) -> str:
    """The best in bold, the second underlined; a deviation is set small, so that many columns fit."""
    figure, sign, deviation = value.text.partition(" ± ")
    text = rf"\textbf{{{escaped(figure)}}}" if value.best else escaped(figure)
    text = rf"\underline{{{text}}}" if value.second else text
    return text + (rf"\,{{\tiny$\pm${escaped(deviation)}}}" if sign else "")


def code(name: str) -> str:
    return rf"\texttt{{{escaped(name)}}}"


def upright(name: str) -> str:
    return rf"\rotatebox{{90}}{{{escaped(name)}}}"


def caption(table: Table) -> str:
    """What the table shows and how to read it."""
    return f"{table.title}. {table.note[:1].upper()}{table.note[1:]}." if table.note else f"{table.title}."


def escaped(text: str) -> str:
    """Text as LaTeX shows it, letter by letter."""
    return SPECIAL_LETTER.sub(lambda found: SPECIAL[found.group()], text.replace("\n", " "))
