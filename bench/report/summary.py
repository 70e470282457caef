"""What a terminal shows of a report, as plain data: it is kept beside the report, and printed without pandas."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from pydantic.dataclasses import dataclass as checked
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.report.numbers.units import counted, folded

LINES = 34  # on the terminal, of a screen of 40; what is printed around them takes the rest
NAME = 24  # characters of a method's name; the rest goes on in the next line
HEADING = 9  # characters of a column's name; the rest goes on in the next line
FEWEST = 9  # lines that the table gets at least, with its title and its heading
STYLES = ("", "bold", "underline")  # of a figure that is neither, the best, the second


@checked(frozen=True)
class Overview:
    """A table with methods down, the best first, and which of its columns to show."""

    title: str
    note: str  # over which tasks the means are; empty where that is all of them
    methods: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]]  # by column: every method's figure as it is shown
    places: Mapping[str, tuple[int, ...]]  # by column: 1 the best, 2 the second, 0 neither
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
        rows = len(self.methods)
        while rows > 1 and height(self.top(rows, columns, gap), console, options) > left:
            rows -= 1
        yield self.top(rows, columns, gap)
        yield from told

    def fitting(self, console: Console, options: ConsoleOptions) -> tuple[tuple[str, ...], int]:
        """The most columns that fit beside each other, and the blanks between them."""
        endless = options.update(width=10**6)
        for columns in self.choices:
            for gap in (2, 1):
                drawn = self.draw(len(self.methods), columns, gap)
                if console.measure(drawn, options=endless).maximum <= options.max_width:
                    return columns, gap
        return self.choices[-1], 1

    def top(self, rows: int, columns: Sequence[str], gap: int) -> Group:
        """The table with the first methods alone, and how many there are besides."""
        more = len(self.methods) - rows
        parts: list[RenderableType] = [Text(self.title, style="bold"), self.draw(rows, columns, gap)]
        parts += [Text(f"and {counted(more, 'more method')}, in the report", style="dim")] if more else []
        return Group(*parts, *([Text(self.note, style="dim")] if self.note else []))

    def draw(self, rows: int, columns: Sequence[str], gap: int) -> Table:
        """The first methods under some of the columns, with so many blanks between them."""
        style = box.SIMPLE_HEAD if gap > 1 else None
        drawn = Table(box=style, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="")
        drawn.add_column("", no_wrap=True)
        for name in columns:
            heading = "\n".join(textwrap.wrap(name, HEADING, break_long_words=False))
            drawn.add_column(Text(heading), justify="right", no_wrap=True, vertical="bottom")
        for row, method in enumerate(self.methods[:rows]):
            figures = (Text(self.texts[name][row], STYLES[self.places[name][row]]) for name in columns)
            drawn.add_row(Text("\n".join(folded(method, NAME))), *figures)
        return drawn


@checked(frozen=True)
class Part:
    """What is shown of one suite with one backbone."""

    overview: Overview
    verdict: tuple[str, ...]  # at most three sentences


@checked(frozen=True)
class Summary:
    """What a report comes to. A rich console prints no more of it than fits one screen."""

    parts: tuple[Part, ...]  # of the first suites
    lines: tuple[str, ...]  # what else the report has, and what failed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        told = [*brief(self.lines, LINES // 6 if self.parts else LINES - 1, console, options), Text()]
        left = LINES - height(Group(*told), console, options)
        for number, part in enumerate(self.parts):
            room = left // (len(self.parts) - number)
            drawn = Group(*part.overview.within(room, part.verdict, console, options))
            left -= height(drawn, console, options)
            yield drawn
        yield from told


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
