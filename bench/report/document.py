"""The report as a whole: what it consists of, how it is shown, and the files it is written to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from bench.records.cells import CellResult
from bench.report.numbers import searches
from bench.report.numbers.grid import Grid, grids, ordered
from bench.report.numbers.units import numbered
from bench.report.page import Part, write_page
from bench.report.plots.style import Look, looks
from bench.report.tables.as_csv import write_csv
from bench.report.tables.as_latex import as_latex
from bench.report.tables.as_text import as_markdown, for_terminal
from bench.report.tables.certainty import certainty_table
from bench.report.tables.main import Table, main_table
from bench.report.tables.published import versus
from bench.report.tables.shifts import robustness_table, shift_table
from bench.report.tables.spending import spending_table
from bench.report.words.captions import Plot
from bench.report.words.failures import failures
from bench.report.words.findings import sentences

PLOTS = ("*_accuracy_by_*", "*_gain_by_*", "*_chosen_by_*", "*_tuning_by_*")


@dataclass(frozen=True)
class Chapter:
    """Tables and sentences about one suite with one backbone."""

    tables: tuple[Table, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What was found and where it was written; a rich console prints the tables at its own width."""

    chapters: tuple[Chapter, ...]
    failures: tuple[str, ...]
    paths: tuple[Path, ...]  # report.html, table.md, table.csv, table.tex, then the plots

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for chapter in self.chapters:
            for table in chapter.tables:
                yield from for_terminal(table, options.max_width)
            for sentence in chapter.sentences:
                yield Text(f"• {sentence}")
            yield Text()
        for line in self.failures:
            yield Text(line)


def compose(
    results: Sequence[CellResult], folder: Path, others: Sequence[str] = (), remarks: Sequence[str] = ()
) -> Report:
    """Writes all files of the report into `folder`; `others` names what our numbers are put beside.

    `remarks` are told with the failures. Raises OSError, and UserError for a name that nothing has.
    """
    found = grids(results)
    chapters = tuple(chapter(grid) for grid in found)
    beside = versus(found, others)
    told = (*chapters, Chapter(beside.tables, beside.sentences)) if others else chapters
    lines = (*failures(results), *remarks)
    folder.mkdir(parents=True, exist_ok=True)
    page, *tables = (folder / name for name in ("report.html", "table.md", "table.csv", "table.tex"))
    tables[0].write_text(markdown(told, lines), encoding="utf-8")
    write_csv(tables[1], found)
    tables[2].write_text(as_latex([table for part in told for table in part.tables]), encoding="utf-8")
    look = looks(ordered(method for grid in found for method in grid.methods))
    plots = draw_all(found, results, look, folder)
    parts = [
        Part(grid, part.tables[1:], part.sentences, of_grid)
        for grid, part, of_grid in zip(found, chapters, plots, strict=True)
    ]
    write_page(page, parts, beside if others else None, lines, look)
    drawn = [path for of_grid in plots for plot in of_grid for path in (plot.png, plot.svg)]
    return Report(told, lines, (page, *tables, *drawn))


def chapter(grid: Grid) -> Chapter:
    found = (
        main_table(grid),
        certainty_table(grid),
        shift_table(grid),
        robustness_table(grid),
        spending_table(grid),
    )
    return Chapter(tuple(table for table in found if table), tuple(sentences(grid)))


def markdown(chapters: Sequence[Chapter], lines: Sequence[str]) -> str:
    parts = ["# Head2Head report\n"]
    for part in chapters:
        parts += [as_markdown(table) for table in part.tables]
        parts.append("".join(f"- {sentence}\n" for sentence in part.sentences))
    if lines:
        parts.append("### Cells without a figure\n\n" + "".join(f"- {line}\n" for line in lines))
    return "\n".join(part for part in parts if part)


def draw_all(
    found: Sequence[Grid], results: Sequence[CellResult], looks: Mapping[str, Look], folder: Path
) -> list[list[Plot]]:
    """Plots of every grid, in place of all earlier ones; a method looks alike in all of them."""
    for old in [path for pattern in PLOTS for path in folder.glob(pattern) if path.suffix in (".png", ".svg")]:
        old.unlink()
    if not found:
        return []
    from bench.report.plots.draw import draw  # only here: matplotlib takes half a second to import

    return [
        draw(grid, searches.of_grid(grid, results), looks, folder, stem)
        for stem, grid in zip(stems(found), found, strict=True)
    ]


def stems(found: Sequence[Grid]) -> list[str]:
    """A file name's beginning for each grid, `demo_mobilenetv2_100`, numbered where two would be equal."""
    names = [re.sub(r"[^\w.-]+", "-", f"{grid.suite}_{grid.backbone}").strip("-")[:80] for grid in found]
    return numbered(names)
