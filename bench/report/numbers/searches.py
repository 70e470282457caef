"""The studies that chose the hyper-parameters of a grid's cells."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.cells import CellResult
from bench.records.studies import Study, studies
from bench.report.numbers.grid import Grid
from bench.report.numbers.settings import setting, suite


def of_grid(grid: Grid, results: Iterable[CellResult]) -> list[Study]:
    """One study for each method, task and seed: the one that its final cell names, else the last one.

    Methods without any final cell are left out, as they are in no table.
    """
    settings = {setting(cell) for cells in grid.cells.values() for cell in cells}
    of_suite = [r for r in results if suite(r.task) == grid.suite and r.method in grid.methods]
    inside = [r for r in of_suite if setting(r) in settings]
    chosen: dict[tuple[str, str, int], Study] = {}
    counts = {cell.tuning.study for cells in grid.cells.values() for cell in cells if cell.tuning}
    for study in studies(inside):
        key = (study.method, study.task, study.seed)
        if key not in chosen or study.name in counts or chosen[key].name not in counts:
            chosen[key] = study
    return list(chosen.values())
