"""The tables of accuracy under shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.shifts import drop, mean_robustness, robustness, same_classes, shift_score, shifts
from bench.report.numbers.units import points
from bench.report.tables.main import seeds_note, title
from bench.report.tables.table import Row, Table, numbers_row, scores_row, table

SUBSET = "in distribution, as …: accuracy over the classes of that shift alone, which it is compared with"
ROBUSTNESS = (
    "effective robustness: accuracy under shift minus what accuracy in distribution predicts, by a line fitted to "
    "the logits of both over the methods of this table (Taori et al. 2020, who fit many standard models)"
)


def shift_table(grid: Grid) -> Table | None:
    """Accuracy in distribution and under each shift, and the drop. None where no task has shifted test sets."""
    rows = {
        (task.removeprefix(f"{grid.suite}/"), label): row
        for task in grid.tasks
        if (found := shifts(grid, task))
        for label, row in shift_rows(grid, task, found).items()
    }
    partly = any(same_classes(grid, task, name) for task in grid.tasks for name in shifts(grid, task))
    note = "; ".join(part for part in (seeds_note(grid), SUBSET if partly else "") if part)
    return table(title(grid, "Accuracy under shift, %"), grid.methods, rows, note) if rows else None


def shift_rows(grid: Grid, task: str, found: Mapping[str, Sequence[str]]) -> dict[str, Row]:
    """The rows of one task: in distribution, each shift with its kinds and severities, and the mean change."""
    parts: dict[str, Sequence[str]] = {"in distribution": ("test",)}
    for name, tests in found.items():
        if same_classes(grid, task, name):
            parts[f"in distribution, as {name}"] = (f"id/{name}",)
        parts |= {name: tests, **breakdown(name, tests)}
    rows = {
        label: scores_row({m: shift_score(grid, m, task, tests) for m in grid.methods})
        for label, tests in parts.items()
    }
    change = "change" if len(found) == 1 else f"mean change over {len(found)} shifts"
    return {**rows, change: points_row(grid, {method: drop(grid, method, task) for method in grid.methods})}


def breakdown(shift: str, tests: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The test sets of each kind, `fog/*`, and of each severity, `*/3`, where a shift has kinds in severities."""
    parts = [test.removeprefix(f"ood/{shift}/").split("/") for test in tests if test.count("/") == 3]
    patterns = ordered((*(f"{kind}/*" for kind, _ in parts), *(f"*/{level}" for _, level in parts)))
    return {each: tuple(test for test in tests if fnmatchcase(test, f"ood/{shift}/{each}")) for each in patterns}


def robustness_table(grid: Grid) -> Table | None:
    """Effective robustness under each shift and its mean, in points. None where it cannot be computed."""
    rows: dict[tuple[str, str], Row] = {}
    for task in grid.tasks:
        found = {name: robustness(grid, task, tests) for name, tests in shifts(grid, task).items()}
        if len(found) > 1:
            found[f"mean over {len(found)} shifts"] = mean_robustness(grid, task)
        if any(found.values()):
            section = task.removeprefix(f"{grid.suite}/")
            rows |= {(section, name): points_row(grid, values) for name, values in found.items()}
    return table(title(grid, "Effective robustness, points"), grid.methods, rows, ROBUSTNESS) if rows else None


def points_row(grid: Grid, values: Mapping[str, float | None]) -> Row:
    """Differences in points, of every method."""
    return numbers_row({method: values.get(method) for method in grid.methods}, points)
