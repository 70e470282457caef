"""The searches that a grid's cells come from."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.cells import CellResult
from bench.records.studies import Study, studies
from bench.report.numbers.grid import Grid, setting, suite


def of_grid(grid: Grid, results: Iterable[CellResult]) -> list[Study]:
    """The studies behind a grid: for each method, task and seed that of its final cell, else the last one.

    Of a method that has no final cell on any task, be it a failed one, there is none: it is in no table either.
    """
    settings = {setting(cell) for cells in grid.cells.values() for cell in cells}
    inside = [r for r in results if suite(r.task) == grid.suite and setting(r) in settings and r.method in grid.methods]
    chosen: dict[tuple[str, str, int], Study] = {}
    counts = {cell.tuning.study for cells in grid.cells.values() for cell in cells if cell.tuning}
    for study in studies(inside):
        key = (study.method, study.task, study.seed)
        if key not in chosen or study.name in counts or chosen[key].name not in counts:
            chosen[key] = study
    return list(chosen.values())
