"""What a terminal shows of a comparison: a table with methods down, the best first, and the verdict below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, folded
from bench.report.tables.main import RANK, seeds_note, title
from bench.report.tables.sheets import group_rows, known_costs, mean_rows, sheet, task_rows
from bench.report.tables.table import Row, Table
from bench.statistics import Comparison

TASKS = 8  # with more of them, the means of the groups stand for the tasks
NAME = 24  # characters of a method's name; the rest goes on in the next line
HEADING = 9  # characters of a column's name; the rest goes on in the next line
FEWEST = 9  # lines that the table gets at least, with its title and its heading
MAIN = ("training FLOPs", "tuning FLOPs", "stored bytes")  # the costs that are left out last
STYLES = ("", "bold", "underline")  # of a figure that is neither, the best, the second


@dataclass(frozen=True, eq=False)
class Overview:
    """A table with methods down, the best first, and which of its columns to show."""

    table: Table
    choices: tuple[tuple[str, ...], ...]  # the columns to show, the most first

    def within(
        self, room: int, sentences: Sequence[str], console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The table and the sentences, as far as they fit into so many lines.

        The last sentences are left out first, then the last methods, and a line says how many.
        """
        told = [Text(), *map(Text, sentences)]
        while len(told) > 1 and height(Group(*told), console, options) > room - FEWEST:
            told.pop()
        left = room - height(Group(*told), console, options)
        columns, gap = self.fitting(console, options)
        rows = len(self.table.text)
        while rows > 1 and height(self.top(rows, columns, gap), console, options) > left:
            rows -= 1
        yield self.top(rows, columns, gap)
        yield from told

    def fitting(self, console: Console, options: ConsoleOptions) -> tuple[tuple[str, ...], int]:
        """The most columns that fit beside each other, and the blanks between them."""
        endless = options.update(width=10**6)
        for columns in self.choices:
            for gap in (2, 1):
                drawn = draw(self.table, len(self.table.text), columns, gap)
                if console.measure(drawn, options=endless).maximum <= options.max_width:
                    return columns, gap
        return self.choices[-1], 1

    def top(self, rows: int, columns: Sequence[str], gap: int) -> Group:
        """The table with the first methods alone, and how many there are besides."""
        more = len(self.table.text) - rows
        parts: list[RenderableType] = [Text(self.table.title, style="bold"), draw(self.table, rows, columns, gap)]
        parts += [Text(f"and {counted(more, 'more method')}, in the report", style="dim")] if more else []
        return Group(*parts, *([Text(self.table.note, style="dim")] if self.table.note else []))


def overview(grid: Grid, compared: Comparison) -> Overview:
    """The means, the average rank, the tasks or the means of their groups, and the costs of every method."""
    means, costs, groups = mean_rows(grid, compared), known_costs(grid), group_rows(grid)
    tasks = task_rows(grid, list(grid.tasks)) if len(grid.tasks) <= TASKS else {}
    figures = {**means, **{name: plain(row) for name, row in {**tasks, **groups}.items()}, **costs}
    mean = next(iter(means))
    made = sheet(grid, title(grid, "Test accuracy, %"), figures).ordered_by(mean)
    few = [name for name in MAIN if name in costs]
    choices = [[*means, *part, *some] for some in (costs, few) for part in (tasks, groups) if part]
    choices += [[mean, RANK, *groups, *few], [mean, *groups, *few], [*means, *costs], [mean, *few], [mean]]
    known = {name for name in figures if made.values[name].notna().any()}
    shown = tuple(tuple(name for name in columns if name in known) for columns in choices)
    return Overview(replace(made, note=note(grid)), shown)


def plain(row: Row) -> Row:
    """A row without deviations. The report has them."""
    return row._replace(texts={name: text.partition(" ±")[0] for name, text in row.texts.items()})


def note(grid: Grid) -> str:
    """Over which tasks the means are, where that is not all of them, and what ± means."""
    over = f"means and costs are over the {counted(len(grid.common), 'task')} that all methods finished"
    partly = grid.common and grid.common != grid.tasks
    return "; ".join(part for part in (over if partly else "", seeds_note(grid)) if part)


def draw(table: Table, rows: int, columns: Sequence[str], gap: int) -> RichTable:
    """The first methods of a table under some of its columns, with so many blanks between them."""
    style = box.SIMPLE_HEAD if gap > 1 else None
    drawn = RichTable(box=style, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="")
    drawn.add_column("", no_wrap=True)
    for name in columns:
        heading = "\n".join(textwrap.wrap(name, HEADING, break_long_words=False))
        drawn.add_column(Text(heading), justify="right", no_wrap=True, vertical="bottom")
    for method in table.text.index[:rows]:
        figures = (Text(table.text.at[method, name], STYLES[table.place.at[method, name]]) for name in columns)
        drawn.add_row(Text("\n".join(folded(method, NAME))), *figures)
    return drawn


def height(shown: RenderableType, console: Console, options: ConsoleOptions) -> int:
    """How many lines something takes."""
    return len(console.render_lines(shown, options, pad=False))


def brief(lines: Sequence[str], room: int, console: Console, options: ConsoleOptions) -> Iterator[Text]:
    """All lines where they fit; else the beginning of as many as fit, and how many more there are."""
    whole = [Text(line) for line in lines]
    if not lines or height(Group(*whole), console, options) <= room:
        yield from whole
        return
    for line in lines[: room - 1]:
        yield Text(line, no_wrap=True, overflow="ellipsis")
    if len(lines) >= room:
        yield Text(f"and {len(lines) - room + 1} more, in the report")
