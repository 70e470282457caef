"""A table laid out twice: for a terminal of any width, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from bench.report.numbers.units import folded
from bench.report.tables.main import Section, Table, Value

GAP = 2  # blanks between columns, one of which is the line that the box style does not draw
LABEL_WIDTH = 28  # longer names of tasks and sections go on in the next line


def for_terminal(table: Table, width: int) -> Iterator[RenderableType]:
    """As many tables as it takes to show all columns within `width` characters, each with the names of the rows."""
    parts = blocks(table, width)
    for columns in parts:
        which = f" (columns {columns[0] + 1} to {columns[-1] + 1} of {len(table.columns)})" if len(parts) > 1 else ""
        yield Text(table.title + which, style="bold")
        yield block(table, columns)
    if table.note:
        yield Text(table.note + "\n", style="dim")


def block(table: Table, columns: Sequence[int]) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), show_edge=False)
    grid.add_column("", width=label_width(table))
    for column in columns:
        name = Text("\n".join(folded(table.columns[column])))
        grid.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    for section in table.sections:
        add_section(grid, section, columns)
    return grid


def add_section(grid: RichTable, section: Section, columns: Sequence[int]) -> None:
    grid.add_section()
    grid.add_row(Text(section.title, style="italic"))
    for row in section.rows:
        values = [Text(row.values[column].text, style="bold" if row.values[column].best else "") for column in columns]
        grid.add_row(Text("  " + row.label), *values)


def blocks(table: Table, width: int) -> list[list[int]]:
    """Indices of the columns that fit side by side, at least one in each block."""
    found: list[list[int]] = [[]]
    used = start = label_width(table) + GAP
    for index in range(len(table.columns)):
        needed = column_width(table, index) + GAP
        if found[-1] and used + needed - GAP > width:
            found.append([])
            used = start
        found[-1].append(index)
        used += needed
    return found


def label_width(table: Table) -> int:
    labels = [f"  {row.label}" for section in table.sections for row in section.rows]
    labels += [section.title for section in table.sections]
    return min(LABEL_WIDTH, max(map(len, labels), default=0))


def column_width(table: Table, index: int) -> int:
    values = [len(row.values[index].text) for section in table.sections for row in section.rows]
    return max(*values, *map(len, folded(table.columns[index])))


def as_markdown(table: Table) -> str:
    """A pipe table; sections are told by a row in italics, the best by bold."""
    lines = [
        f"### {table.title}",
        "",
        line(["", *map(code, table.columns)]),
        line([":--", *["--:"] * len(table.columns)]),
    ]
    for section in table.sections:
        lines.append(line([f"*{plain(section.title)}*", *[""] * len(table.columns)]))
        lines += [line([plain(row.label), *map(marked, row.values)]) for row in section.rows]
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def marked(value: Value) -> str:
    return f"**{value.text}**" if value.best else value.text


def code(name: str) -> str:
    return f"`{plain(name)}`"


def plain(text: str) -> str:
    """A pipe or a line break in a name would end the cell."""
    return text.replace("|", "\\|").replace("\n", " ")
