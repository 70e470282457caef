"""The tables of accuracy under shift."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.shifts import drop, mean_robustness, robustness, same_classes, shift_score, shifts
from bench.report.numbers.units import MISSING, percent, points
from bench.report.tables.main import Row, Section, Table, Value, mark_best, seeds_note, title


def shift_table(grid: Grid) -> Table | None:
    """Accuracy in distribution and under each shift, and the drop; None where no task has shifted test sets."""
    sections = []
    for task in grid.tasks:
        if found := shifts(grid, task):
            rows = [shift_row(grid, "in distribution", task, ("test",))]
            for name, tests in found.items():
                if same_classes(grid, task, name):
                    rows.append(shift_row(grid, f"in distribution, as {name}", task, (f"id/{name}",)))
                rows.append(shift_row(grid, name, task, tests))
                rows += [shift_row(grid, label, task, part) for label, part in breakdown(name, tests).items()]
            drops = tuple(Value(points(drop(grid, method, task))) for method in grid.methods)
            label = "change" if len(found) == 1 else f"mean change over {len(found)} shifts"
            sections.append(Section(task.removeprefix(f"{grid.suite}/"), (*rows, Row(label, drops))))
    if not sections:
        return None
    partly = any(same_classes(grid, task, name) for task in grid.tasks for name in shifts(grid, task))
    classes = "in distribution, as …: over the classes of that shift alone, with which it is compared" if partly else ""
    note = "; ".join(part for part in (seeds_note(grid), classes) if part)
    return Table(title(grid, "Accuracy under shift, %"), grid.methods, tuple(sections), note)


def breakdown(shift: str, tests: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Where a shift has kinds in severities: the test sets of each kind, `fog/*`, and of each severity, `*/3`."""
    parts = [test.removeprefix(f"ood/{shift}/").split("/") for test in tests if test.count("/") == 3]
    patterns = ordered((*(f"{kind}/*" for kind, _ in parts), *(f"*/{level}" for _, level in parts)))
    return {each: tuple(test for test in tests if fnmatchcase(test, f"ood/{shift}/{each}")) for each in patterns}


def shift_row(grid: Grid, label: str, task: str, tests: Sequence[str]) -> Row:
    scores = [shift_score(grid, method, task, tests) for method in grid.methods]
    return Row(label, mark_best([percent(found.mean, found.std) if found else MISSING for found in scores], scores))


def robustness_table(grid: Grid) -> Table | None:
    """Effective robustness under each shift and its mean, in points; None where it cannot be computed."""
    sections = []
    for task in grid.tasks:
        found = {name: robustness(grid, task, tests) for name, tests in shifts(grid, task).items()}
        if any(found.values()):
            rows = [robustness_row(grid, name, values) for name, values in found.items()]
            if len(rows) > 1:
                rows.append(robustness_row(grid, f"mean over {len(rows)} shifts", mean_robustness(grid, task)))
            sections.append(Section(task.removeprefix(f"{grid.suite}/"), tuple(rows)))
    note = (
        "effective robustness: accuracy under shift minus what accuracy in distribution predicts, by a line fitted to "
        "the logits of both over the methods of this table (Taori et al. 2020, who fit many standard models)"
    )
    return Table(title(grid, "Effective robustness, points"), grid.methods, tuple(sections), note) if sections else None


def robustness_row(grid: Grid, label: str, values: dict[str, float]) -> Row:
    return Row(label, tuple(Value(points(values.get(method))) for method in grid.methods))
