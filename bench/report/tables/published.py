"""The table of published VTAB-1k numbers beside our own. Rows that cannot be compared stand apart, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.report.numbers import reference
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.reference import COLUMNS, COPIES, ORIGINAL, Entry, is_of, obstacle, pixels_of, short, without
from bench.report.numbers.units import percent
from bench.report.tables.table import Row, Table, numbers_row, table
from bench.spec import UserError

PUBLISHED = "published"  # the name under which the command line knows these numbers
SUITE = "vtab1k"
OURS = "this run"


@dataclass(frozen=True)
class Versus:
    """What was asked to be put beside our numbers."""

    tables: tuple[Table, ...]
    sentences: tuple[str, ...]


def versus(grids: Sequence[Grid], names: Sequence[str]) -> Versus:
    """A table for every grid of VTAB-1k tasks whose backbone has published numbers, and a sentence for every other.

    Raises UserError for a name other than `published`, and where the files of published numbers are not there.
    """
    for name in names:
        if name != PUBLISHED:
            raise UserError(f"there are no numbers named {name!r} to compare with; --versus takes {PUBLISHED!r}")
    if not names:
        return Versus((), ())
    mine = [grid for grid in grids if grid.suite == SUITE]
    if not mine:
        return Versus((), ("Published numbers are for VTAB-1k, and there is no result on any of its tasks.",))
    entries = reference.read(reference.REFERENCE)
    found = [(grid, [one for one in entries if is_of(one, grid.backbone)]) for grid in mine]
    return Versus(
        tuple(beside(grid, rows) for grid, rows in found if rows),
        tuple(without(grid.backbone, entries) for grid, rows in found if not rows),
    )


def beside(grid: Grid, entries: Sequence[Entry]) -> Table:
    """Our methods, then the rows of each source, over the VTAB-1k tasks that we have.

    The best is marked among the rows that can be compared.
    """
    tasks = {short(task): task for task in grid.tasks if short(task) in COLUMNS}
    groups = [[short(task) for task in part] for part in grid.by_group(list(tasks.values())).values()]
    used = pixels_of(grid, list(tasks.values()))
    rows = {(OURS, method): figures_row(own(grid, method, tasks), groups) for method in grid.compared}
    sources = ordered(one.origin for one in sorted(entries, key=lambda one: obstacle(one, used, grid.backbone) != ""))

    def order(one: Entry) -> tuple[bool, int, str]:
        """Comparable rows come first, then by source and by what keeps them from being compared."""
        reason = obstacle(one, used, grid.backbone)
        return reason != "", sources.index(one.origin), reason

    for one in sorted(entries, key=order):
        stands_apart, at, reason = order(one)
        title = f"[{at + 1}] published" + (f", not comparable: {reason}" if stands_apart else "")
        rows[title, one.method] = figures_row(one.accuracy, groups, not stands_apart)
    heading = f"Beside published numbers, test accuracy, %: backbone {grid.backbone}"
    return table(heading, figures({}, groups), rows, note(sources, used), methods_down=True)


def own(grid: Grid, method: str, tasks: Mapping[str, str]) -> dict[str, float]:
    """Our accuracies, by the last part of a task's name."""
    return {name: score.mean for name, task in tasks.items() if (score := grid.score(method, task))}


def figures_row(accuracy: Mapping[str, float], groups: Sequence[Sequence[str]], comparable: bool = True) -> Row:
    """A row in percent. One that is not comparable is never marked as best."""
    row = numbers_row(figures(accuracy, groups), percent)
    printed = {name: None if value is None else round(1000 * value) for name, value in row.values.items()}
    return row._replace(printed=printed) if comparable else row


def figures(accuracy: Mapping[str, float], groups: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """Accuracy on each task, the mean of the tasks, and the mean of the group means where there are several groups.

    A figure is None where it is missing. So is a mean of it.
    """
    found = {task: accuracy.get(task) for group in groups for task in group}
    whole = bool(found) and None not in found.values()
    mean = f"mean of {len(found)}"
    means = {mean: fmean(accuracy[task] for group in groups for task in group) if whole else None}
    if len(groups) > 1:
        of_groups = fmean(fmean(accuracy[task] for task in group) for group in groups) if whole else None
        means[f"mean of {len(groups)} groups"] = of_groups
    return {**found, **means}


def note(sources: Sequence[str], used: str) -> str:
    """Where the rows are from, and what comparable means."""
    images = {ORIGINAL: "the original pixels", COPIES: "JPEG copies"}.get(used, "images of different or unknown kind")
    listing = "; ".join(f"[{number}] {source}" for number, source in enumerate(sources, start=1))
    return (
        f"this run read {images}; rows of other images or weights are shown but not compared; image size, resizing, "
        f"tuning and seeds may differ in all of them; {listing}; their files: results/reference/published_vtab1k.csv"
    )
