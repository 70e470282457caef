"""The report as a whole: what it consists of, how it is shown, and the files it is written to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records.cells import CellResult
from bench.records.request import METRICS
from bench.records.studies import Study
from bench.report.numbers import searches
from bench.report.numbers.chances import chances
from bench.report.numbers.evidence import comparison
from bench.report.numbers.families import by_family
from bench.report.numbers.frames import figure_frame
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.metrics import Predictions
from bench.report.numbers.together import together
from bench.report.numbers.units import numbered
from bench.report.page import Beside, Part, write_page
from bench.report.plots.style import Look, looks
from bench.report.summary import Overview, Summary
from bench.report.summary import Part as SummaryPart
from bench.report.tables.as_latex import as_latex
from bench.report.tables.as_markdown import as_markdown
from bench.report.tables.backbones import backbones_table
from bench.report.tables.certainty import certainty_table
from bench.report.tables.main import main_table
from bench.report.tables.metric import metric_overview, metric_table
from bench.report.tables.overview import overview
from bench.report.tables.published import Versus, versus
from bench.report.tables.shifts import robustness_table, shift_table
from bench.report.tables.spending import spending_table
from bench.report.tables.table import Table
from bench.report.words.captions import Plot
from bench.report.words.failures import failures
from bench.report.words.findings import sentences
from bench.report.words.limits import advice
from bench.report.words.mixups import mixups
from bench.report.words.rerun import as_toml, file_names
from bench.report.words.verdict import verdict

MOST = 3  # suites and backbones that a terminal shows
PLOTS = ("*_accuracy_by_*", "*_gain_by_*", "*_chosen_by_*", "*_tuning_by_*")


@dataclass(frozen=True)
class Chapter:
    """Tables and sentences about one suite with one backbone, and what a terminal shows of them."""

    tables: tuple[Table, ...]
    sentences: tuple[str, ...]
    verdict: tuple[str, ...]  # at most three sentences
    overviews: tuple[Overview, ...]  # of accuracy, and of another metric where one was asked for


def compose(
    results: Sequence[CellResult],
    folder: Path,
    others: Sequence[str] = (),
    remarks: Sequence[str] = (),
    beside_accuracy: tuple[Path | None, str] = (None, METRICS[0]),
) -> tuple[Summary, list[Path]]:
    """Writes all files of the report into `folder`; `others` names what our numbers are put beside.

    `remarks` are told with the failures. `beside_accuracy` is the results folder, which has the predictions, and the
    metric of a further table. Returns what a terminal shows, and the files: report.html, table.md,
    table.csv, table.tex, run.toml, then the plots. Raises OSError, and UserError for a name that nothing has.
    """
    found, predictions, metric = grids(results), Predictions(beside_accuracy[0]), beside_accuracy[1]
    chapters = tuple(chapter(grid, metric_table(grid, predictions, metric)) for grid in found)
    beside = versus(found, others)
    lost = predictions.lost(cell for grid in found for cells in grid.cells.values() for cell in cells)
    lines = (*failures(results), *lost, *remarks)
    folder.mkdir(parents=True, exist_ok=True)
    look = looks(by_family(method for grid in found for method in grid.methods))
    studies = [searches.of_grid(grid, results) for grid in found]
    plots = draw_all(found, studies, look, folder)
    sides = side_by_side(found, folder)
    parts = [
        Part(
            grid,
            part.verdict,
            part.tables[1:],
            part.sentences,
            of_grid,
            chances(grid, some),
            mixups(grid, predictions),
        )
        for grid, part, of_grid, some in zip(found, chapters, plots, studies, strict=True)
    ]
    page = folder / "report.html"
    write_page(page, parts, sides, beside if others else None, lines, look)
    files = write_tables(folder, found, [*sides, *chapters, beside], lines)
    drawn = [path for of in (*plots, *(side.plots for side in sides)) for plot in of for path in (plot.png, plot.svg)]
    return summary(chapters, sides, beside, lines), [page, *files, *write_configs(folder, found), *drawn]


def write_tables(
    folder: Path, found: Sequence[Grid], chapters: Sequence[Chapter | Beside | Versus], lines: Sequence[str]
) -> list[Path]:
    """The tables as files: table.md with all sentences, table.csv with the figures of all grids, and table.tex."""
    files = [folder / name for name in ("table.md", "table.csv", "table.tex")]
    files[0].write_text(markdown(chapters, lines), encoding="utf-8")
    figure_frame(found).to_csv(files[1], index=False)
    files[2].write_text(as_latex([table for part in chapters for table in part.tables]), encoding="utf-8")
    return files


def summary(
    chapters: Sequence[Chapter], sides: Sequence[Beside], beside: Versus, lines: Sequence[str]
) -> Summary:  # fmt: skip
    """What a terminal shows. The titles of tables that it does not show say that the report has them."""
    others = [
        *(table.title for table in beside.tables),
        *(one.title for part in chapters[MOST:] for one in part.overviews),
    ]
    overall = [side.sentences[0] for side in sides]
    told = [*overall, *beside.sentences, *(f"In the report: {title}" for title in others), *lines]
    shown = [(one, part.verdict if not at else ()) for part in chapters[:MOST] for at, one in enumerate(part.overviews)]
    return Summary(tuple(SummaryPart(*one) for one in shown), tuple(told))


def chapter(grid: Grid, more: Table | None = None) -> Chapter:
    """What is told of one suite with one backbone; `more` has another metric than accuracy."""
    makers = (main_table, certainty_table, shift_table, robustness_table, spending_table)
    compared = comparison(grid)
    told = verdict(grid, compared, advice(grid, compared))
    main, *others = [table for make in makers if (table := make(grid))]
    tables = (main, *([more] if more else []), *others)
    shown = (overview(grid, compared), *([metric_overview(more)] if more else []))
    return Chapter(tables, tuple(sentences(grid)), tuple(told), shown)


def side_by_side(found: Sequence[Grid], folder: Path) -> list[Beside]:
    """The verdict, the table and the plots of each suite that has several backbones."""
    sides = together(found)
    if not sides:
        return []
    from bench.report.plots.draw import draw_together  # only here, as in draw_all

    parts = []
    for side, stem in zip(sides, numbered([slug(f"{side.grid.suite}_backbones") for side in sides]), strict=True):
        compared, table = comparison(side.grid), backbones_table(side)
        told = verdict(side.grid, compared, advice(side.grid, compared))
        parts.append(Beside(side, tuple(told), (table,) if table else (), tuple(draw_together(side, folder, stem))))
    return parts


def write_configs(folder: Path, found: Sequence[Grid]) -> list[Path]:
    """The files that measure the cells of each grid again, in place of all earlier ones."""
    for old in folder.glob("run*.toml"):
        old.unlink()
    paths = [folder / name for name in file_names(len(found))]
    for path, grid in zip(paths, found, strict=True):
        path.write_text(as_toml(grid), encoding="utf-8")
    return paths


def markdown(chapters: Sequence[Chapter | Beside | Versus], lines: Sequence[str]) -> str:
    """All tables and sentences; `lines` tell what has no figure and why."""
    parts = ["# Head2Head report\n"]
    for part in chapters:
        parts += [as_markdown(table) for table in part.tables]
        parts.append("".join(f"- {sentence}\n" for sentence in part.sentences))
    if lines:
        parts.append("### Cells without a figure\n\n" + "".join(f"- {line}\n" for line in lines))
    return "\n".join(part for part in parts if part)


def draw_all(
    found: Sequence[Grid], studies: Sequence[Sequence[Study]], looks: Mapping[str, Look], folder: Path
) -> list[list[Plot]]:
    """Plots of every grid, in place of all earlier ones. A method looks alike in all of them."""
    for old in [path for pattern in PLOTS for path in folder.glob(pattern) if path.suffix in (".png", ".svg")]:
        old.unlink()
    if not found:
        return []
    from bench.report.plots.draw import draw  # only here: matplotlib takes half a second to import

    return [
        draw(grid, some, looks, folder, stem) for stem, grid, some in zip(stems(found), found, studies, strict=True)
    ]


def stems(found: Sequence[Grid]) -> list[str]:
    """A file name's beginning for each grid, `demo_mobilenetv2_100`, numbered where two would be equal."""
    return numbered([slug(f"{grid.suite}_{grid.backbone}") for grid in found])


def slug(text: str) -> str:
    """The text as the beginning of a file name."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-")[:80]
