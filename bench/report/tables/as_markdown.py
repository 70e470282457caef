"""A table as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.tables.table import Table


def as_markdown(table: Table) -> str:
    """A pipe table under its title. The best figures are bold. A section is named in its first row alone."""
    text = table.text.map(plain)
    shown = text.mask(table.place == 1, "**" + text + "**")
    sections = text.index.get_level_values(0)
    first = [plain(name) if new else "" for name, new in zip(sections, ~sections.duplicated(), strict=True)]
    rows = zip(first, map(plain, text.index.get_level_values(1)), *(shown[name] for name in shown), strict=True)
    head = ["", "", *(f"`{plain(name)}`" for name in text.columns)]
    rule = [":--", ":--", *["--:"] * len(text.columns)]
    lines = [line(cells) for cells in (head, rule, *rows)]
    return "\n".join([f"### {table.title}", "", *lines, "", *([table.note, ""] if table.note else [])])


def line(cells: Sequence[str]) -> str:
    """One line of a pipe table."""
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """Text in which neither a pipe nor a line break ends the cell."""
    return text.replace("|", "\\|").replace("\n", " ")
