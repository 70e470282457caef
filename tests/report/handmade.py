"""Cells and trials with figures that a test writes down by hand, and what the report makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.records.cells import CellResult
from bench.records.studies import Study, Trial
from bench.report.numbers.evidence import comparison
from bench.report.numbers.grid import Grid, grids
from bench.report.words.limits import Advice, advice
from bench.report.words.reasons import reasons
from bench.report.words.verdict import verdict
from tests.synthetic import costs, result


def cell(method: str, task: str, accuracy: float, kept: int, **changes: Any) -> CellResult:
    """A cell of 100 FLOPs and one second that stores `kept` bytes."""
    cost = costs(100, 10, kept, 1.0)
    return result(method, f"demo/{task}", accuracy={"test": accuracy}, cost=cost, **changes)


def grid_of(cells: Sequence[CellResult]) -> Grid:
    """The only grid of these cells."""
    (grid,) = grids(cells)
    return grid


def advised(cells: Sequence[CellResult]) -> list[Advice]:
    """The steps of storage limits."""
    grid = grid_of(cells)
    return advice(grid, comparison(grid))


def short(cells: Sequence[CellResult]) -> list[str]:
    """The verdict."""
    grid = grid_of(cells)
    return verdict(grid, comparison(grid), advised(cells))


def long(cells: Sequence[CellResult]) -> list[str]:
    """The reasons behind the verdict."""
    grid = grid_of(cells)
    return reasons(grid, comparison(grid), advised(cells))


def study(task: str, *trials: Trial, chosen: int | None = 0, **changes: Any) -> Study:
    """A study of method a, without a shared cost."""
    shared = {"seconds": 0.0, "flops": 0.0}
    return replace(Study("s", "a", task, 0, "tpe", chosen, False, trials, shared), **changes)


def trial(number: int, val: float | None, **params: Any) -> Trial:
    """A trial of one second and one FLOP. Number 0 is the default."""
    return Trial(number, number == 0, params, val, val, {"seconds": 1.0, "flops": 1.0})
