"""The table of published VTAB-1k numbers beside our own. Rows that cannot be compared stand apart, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.report.numbers import reference
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.reference import (
    COLUMNS,
    COPIES,
    FILES,
    ORIGINAL,
    Entry,
    How,
    is_of,
    obstacle,
    ours,
    short,
    without,
)
from bench.report.numbers.units import percent
from bench.report.tables.table import Row, Table, numbers_row, table
from bench.report.words.choices import recipes
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
    """Tables for every grid of VTAB-1k tasks whose network has published numbers, and a sentence where ours has none.

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
        tuple(made for grid, rows in found for made in tables(grid, rows)),
        tuple(sentence for grid, rows in found for sentence in told(grid, rows, entries)),
    )


def tasks_of(grid: Grid) -> dict[str, str]:
    """The tasks that have a published column, by the last part of their names."""
    return {short(task): task for task in grid.tasks if short(task) in COLUMNS}


def parted(grid: Grid, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The rows on our weights, and all others."""
    weights = ours(grid, list(tasks_of(grid).values())).weights
    same = [one for one in entries if weights and one.how.weights == weights]
    return same, [one for one in entries if one not in same]


def tables(grid: Grid, entries: Sequence[Entry]) -> Iterator[Table]:
    """Ours beside the rows on the same weights, and apart from these the rows on other weights of the same network."""
    same, others = parted(grid, entries)
    if same:
        yield beside(grid, same)
    if others:
        yield apart(grid, others)


def told(grid: Grid, entries: Sequence[Entry], known: Sequence[Entry]) -> Iterator[str]:
    """Why there is no table of ours with published rows, where there is none."""
    if not entries:
        yield without(grid.backbone, known)
    elif not parted(grid, entries)[0]:
        yield f"No published row is known to be on the weights of {grid.backbone}; those on others stand apart."


def beside(grid: Grid, entries: Sequence[Entry]) -> Table:
    """Our methods, then the rows of each source on the same weights, over the VTAB-1k tasks that we have.

    The best is marked among ours and the rows that were measured as ours were.
    """
    tasks = tasks_of(grid)
    groups, how = groups_of(grid, tasks), ours(grid, list(tasks.values()))
    rows = {(OURS, method): figures_row(own(grid, method, tasks), groups) for method in grid.compared}
    judged = sorted(((obstacle(one.how, how), one) for one in entries), key=lambda pair: pair[0] != "")
    sources = ordered(one.origin for _, one in judged)
    # Comparable rows come first, then by source and by what keeps them from being compared.
    for reason, one in sorted(judged, key=lambda pair: (pair[0] != "", sources.index(pair[1].origin), pair[0])):
        number = sources.index(one.origin) + 1
        title = f"[{number}] published" + (f", not comparable: {reason}" if reason else "")
        rows[title, one.method] = figures_row(one.accuracy, groups, not reason)
    place = f"backbone {grid.backbone}, {recipes(grid)}"
    heading = f"Beside published numbers on the same weights, test accuracy, %: {place}"
    return table(heading, figures({}, groups), rows, note(sources, how), methods_down=True)


def apart(grid: Grid, entries: Sequence[Entry]) -> Table:
    """The rows on other weights of the same network. None of ours is among them, and no best is marked."""
    groups = groups_of(grid, tasks_of(grid))
    sources = ordered(one.origin for one in entries)
    rows = {
        (f"[{sources.index(one.origin) + 1}] weights {one.how.weights or 'not known'}", one.method): figures_row(
            one.accuracy, groups, comparable=False
        )
        for one in sorted(entries, key=lambda one: (one.how.weights, sources.index(one.origin)))
    }
    heading = f"Published on other weights of the same network, test accuracy, %: not to compare with {grid.backbone}"
    remark = f"weights matter as much as methods do: docs/published.md; {cited(sources)}"
    return table(heading, figures({}, groups), rows, remark, methods_down=True)


def groups_of(grid: Grid, tasks: Mapping[str, str]) -> list[list[str]]:
    """Short names of our tasks, a list for each group."""
    return [[short(task) for task in part] for part in grid.by_group(list(tasks.values())).values()]


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


def note(sources: Sequence[str], how: How) -> str:
    """Where the rows are from, and what comparable means."""
    images = {ORIGINAL: "the original pixels", COPIES: "JPEG copies"}.get(
        how.pixels, "images of different or unknown kind"
    )
    inputs = f"inputs {how.inputs}" if how.inputs else "inputs of different or unknown kind"
    return (
        f"this run read {images}, {inputs}; comparable: the same weights, images and normalisation, and no epoch "
        f"chosen on test images; image size, resizing, tuning and seeds may differ all the same; docs/published.md; "
        f"{cited(sources)}"
    )


def cited(sources: Sequence[str]) -> str:
    """The sources by number, and their files."""
    listing = "; ".join(f"[{number}] {source}" for number, source in enumerate(sources, start=1))
    return f"{listing}; their files: results/reference/{FILES[0]} and {FILES[1]}"
