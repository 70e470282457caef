"""The table of what cells were expected to cost against what they were charged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.units import duration, prefixed
from bench.report.tables.main import title
from bench.report.tables.table import Row, Table, numbers_row, table

NOTE = (
    "expected: what the plan expected just before each cell; spent: what the budget was charged for training and "
    "evaluation; the trials of a search are in neither"
)


@dataclass(frozen=True)
class Account:
    """A method's cells that state what they were expected to cost, added up."""

    cells: int
    expected: float
    spent: float

    @property
    def ratio(self) -> float | None:
        """Spent / expected; None where nothing was expected."""
        return self.spent / self.expected if self.expected > 0 else None


def spending_table(grid: Grid) -> Table | None:
    """Expected and spent seconds and FLOPs of every method, and their ratio. None where no record states them."""
    seconds = {method: account(grid, method, "seconds", "spent_seconds") for method in grid.methods}
    flops = {method: account(grid, method, "flops", "spent_flops") for method in grid.methods}
    if not any(seconds.values()):
        return None
    rows = section("seconds", seconds, duration)
    if any(one and one.spent for one in flops.values()):
        rows |= section("FLOPs", flops, prefixed)
    return table(title(grid, "Expected against spent, all cells of a method"), grid.methods, rows, NOTE)


def account(grid: Grid, method: str, name: str, field: str) -> Account | None:
    """One side is `expectation.<name>`, the other `cost.<field>`. None where no cell has both."""
    cells = [cell for task in grid.tasks for cell in grid.cells.get((method, task), ())]
    both = [(expectation(cell, name), getattr(cell.cost, field)) for cell in cells]
    pairs = [(expected, spent) for expected, spent in both if expected is not None and finite(spent)]
    return Account(len(pairs), math.fsum(a for a, _ in pairs), math.fsum(b for _, b in pairs)) if pairs else None


def expectation(cell: CellResult, name: str) -> float | None:
    """What a cell was expected to cost; None where its record does not say it."""
    value = getattr(cell.expectation, name, None)
    return value if finite(value) else None


def section(
    name: str, accounts: Mapping[str, Account | None], write: Callable[[float | None], str]
) -> dict[tuple[str, str], Row]:
    """The rows of one ledger."""

    def row(field: str, write: Callable[..., str]) -> Row:
        """One figure of every account."""
        return numbers_row({method: getattr(one, field, None) for method, one in accounts.items()}, write)

    return {
        (name, "cells"): row("cells", str),
        (name, "expected"): row("expected", write),
        (name, "spent"): row("spent", write),
        (name, "spent / expected"): row("ratio", "{:.2g}".format),
    }
