"""The table of all figures as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.report.numbers.evidence import images, task_interval
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.shifts import robustness
from bench.statistics import spread

FIELDS = (
    "train_flops", "tune_flops", "stored_params", "stored_bytes", "train_seconds", "tune_seconds", "eval_seconds",
    "peak_bytes",
)  # fmt: skip


def write_csv(path: Path, found: Sequence[Grid]) -> None:
    """One line a method, task and test set: fractions, FLOPs, bytes and seconds, unrounded; empty where missing."""
    names = ("suite", "backbone", "group", "task", "method", "test_set", "accuracy_mean", "accuracy_std", "seeds")
    more = ("accuracy_median", "interval_low", "interval_high", "interval_covers", "test_images")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*names, *more, *FIELDS, "effective_robustness"))
        for grid in found:
            for method, task in grid.cells:
                writer.writerows(csv_lines(grid, method, task))


def csv_lines(grid: Grid, method: str, task: str) -> Iterator[tuple[object, ...]]:
    """The lines of one method on one task, a test set each."""
    costs = [grid.cost(method, field, (task,)) for field in FIELDS]
    for test in ordered(name for cell in grid.cells[method, task] for name in cell.accuracy):
        if score := grid.score(method, task, test):
            place = (grid.suite, grid.backbone, grid.groups[task], task, method, test)
            values = list(grid.accuracies(method, task, test).values())
            sure = task_interval(grid, method, task, test)
            ends = (sure.low, sure.high, "+".join(sure.covers)) if sure else (None, None, None)
            more = (spread(values).median, *ends, images(grid.cells[method, task], test))
            beyond = robustness(grid, task, (test,)).get(method) if test.startswith("ood/") else None
            yield (*place, score.mean, score.std, len(values), *more, *costs, beyond)
