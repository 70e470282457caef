"""The report as a whole: what it consists of, how it is shown, and the files it is written to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from bench.records.cells import CellResult
from bench.report.numbers import searches
from bench.report.numbers.evidence import comparison
from bench.report.numbers.frames import figure_frame
from bench.report.numbers.grid import Grid, grids, ordered
from bench.report.numbers.units import numbered
from bench.report.page import Part, write_page
from bench.report.plots.style import Look, looks
from bench.report.tables.as_latex import as_latex
from bench.report.tables.as_markdown import as_markdown
from bench.report.tables.certainty import certainty_table
from bench.report.tables.main import main_table
from bench.report.tables.overview import Overview, brief, height, overview
from bench.report.tables.published import Versus, versus
from bench.report.tables.shifts import robustness_table, shift_table
from bench.report.tables.spending import spending_table
from bench.report.tables.table import Table
from bench.report.words.captions import Plot
from bench.report.words.failures import failures
from bench.report.words.findings import sentences
from bench.report.words.limits import advice
from bench.report.words.rerun import as_toml, file_names
from bench.report.words.verdict import verdict

LINES = 34  # on the terminal, of a screen of 40; what is printed around them takes the rest
MOST = 3  # suites and backbones that a terminal shows
PLOTS = ("*_accuracy_by_*", "*_gain_by_*", "*_chosen_by_*", "*_tuning_by_*")


@dataclass(frozen=True)
class Chapter:
    """Tables and sentences about one suite with one backbone, and what a terminal shows of them."""

    tables: tuple[Table, ...]
    sentences: tuple[str, ...]
    verdict: tuple[str, ...]  # at most three sentences
    overview: Overview


@dataclass(frozen=True)
class Report:
    """What was found and where it was written. A rich console prints no more of it than fits one screen."""

    chapters: tuple[Chapter, ...]
    beside: Versus  # numbers of others
    failures: tuple[str, ...]
    paths: tuple[Path, ...]  # report.html, table.md, table.csv, table.tex, run.toml, then the plots

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        shown, more = self.chapters[:MOST], self.chapters[MOST:]
        others = [*self.beside.tables, *(part.overview.table for part in more)]
        lines = [*self.beside.sentences, *(f"In the report: {table.title}" for table in others), *self.failures]
        told = [*brief(lines, LINES // 6 if shown else LINES - 1, console, options), Text()]
        left = LINES - height(Group(*told), console, options)
        for number, part in enumerate(shown):
            drawn = Group(*part.overview.within(left // (len(shown) - number), part.verdict, console, options))
            left -= height(drawn, console, options)
            yield drawn
        yield from told


def compose(
    results: Sequence[CellResult], folder: Path, others: Sequence[str] = (), remarks: Sequence[str] = ()
) -> Report:
    """Writes all files of the report into `folder`; `others` names what our numbers are put beside.

    `remarks` are told with the failures. Raises OSError, and UserError for a name that nothing has.
    """
    found = grids(results)
    chapters = tuple(chapter(grid) for grid in found)
    beside = versus(found, others)
    lines = (*failures(results), *remarks)
    folder.mkdir(parents=True, exist_ok=True)
    page, *files = (folder / name for name in ("report.html", "table.md", "table.csv", "table.tex"))
    files[0].write_text(markdown([*chapters, beside], lines), encoding="utf-8")
    figure_frame(found).to_csv(files[1], index=False)
    files[2].write_text(
        as_latex([*(table for part in chapters for table in part.tables), *beside.tables]), encoding="utf-8"
    )
    look = looks(ordered(method for grid in found for method in grid.methods))
    plots = draw_all(found, results, look, folder)
    parts = [
        Part(grid, part.verdict, part.tables[1:], part.sentences, of_grid)
        for grid, part, of_grid in zip(found, chapters, plots, strict=True)
    ]
    write_page(page, parts, beside if others else None, lines, look)
    configs = write_configs(folder, found)
    drawn = [path for of_grid in plots for plot in of_grid for path in (plot.png, plot.svg)]
    return Report(chapters, beside, lines, (page, *files, *configs, *drawn))


def chapter(grid: Grid) -> Chapter:
    """What is told of one suite with one backbone."""
    makers = (main_table, certainty_table, shift_table, robustness_table, spending_table)
    compared = comparison(grid)
    told = verdict(grid, compared, advice(grid, compared))
    tables = tuple(table for make in makers if (table := make(grid)))
    return Chapter(tables, tuple(sentences(grid)), tuple(told), overview(grid, compared))


def write_configs(folder: Path, found: Sequence[Grid]) -> list[Path]:
    """The files that measure the cells of each grid again, in place of all earlier ones."""
    for old in folder.glob("run*.toml"):
        old.unlink()
    paths = [folder / name for name in file_names(len(found))]
    for path, grid in zip(paths, found, strict=True):
        path.write_text(as_toml(grid), encoding="utf-8")
    return paths


def markdown(chapters: Sequence[Chapter | Versus], lines: Sequence[str]) -> str:
    """All tables and sentences; `lines` tell what has no figure and why."""
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
    """Plots of every grid, in place of all earlier ones. A method looks alike in all of them."""
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
