"""The table of what cells were expected to cost against what they were charged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.units import MISSING, duration, prefixed
from bench.report.tables.main import Row, Section, Table, Value, title

NOTE = (
    "expected: what the plan reckoned just before each cell; spent: what the budget was charged, training and judging; "
    "the trials of a search are not in either"
)


@dataclass(frozen=True)
class Account:
    """A method's cells that state what they were expected to cost, added up."""

    cells: int
    expected: float
    spent: float

    @property
    def ratio(self) -> float | None:
        return self.spent / self.expected if self.expected > 0 else None


def spending_table(grid: Grid) -> Table | None:
    """Expected and spent seconds and FLOPs of every method, and their ratio; None where no record states them."""
    seconds = {method: account(grid, method, "seconds", "spent_seconds") for method in grid.methods}
    flops = {method: account(grid, method, "flops", "spent_flops") for method in grid.methods}
    if not any(seconds.values()):
        return None
    sections = [section("seconds", list(seconds.values()), duration)]
    if any(one and one.spent for one in flops.values()):
        sections.append(section("FLOPs", list(flops.values()), prefixed))
    heading = title(grid, "Expected against spent, all cells of a method")
    return Table(heading, grid.methods, tuple(sections), NOTE)


def account(grid: Grid, method: str, name: str, field: str) -> Account | None:
    """One side is `expectation.<name>`, the other `cost.<field>`; None where no cell has both."""
    cells = [cell for task in grid.tasks for cell in grid.cells.get((method, task), ())]
    both = [(expectation(cell, name), getattr(cell.cost, field)) for cell in cells]
    pairs = [(expected, spent) for expected, spent in both if expected is not None and finite(spent)]
    return Account(len(pairs), math.fsum(a for a, _ in pairs), math.fsum(b for _, b in pairs)) if pairs else None


def expectation(cell: CellResult, name: str) -> float | None:
    value = getattr(cell.expectation, name, None)
    return value if finite(value) else None


def section(name: str, accounts: list[Account | None], write: Callable[[float | None], str]) -> Section:
    def row(label: str, of: Callable[[Account], str]) -> Row:
        return Row(label, tuple(Value(of(one) if one else MISSING) for one in accounts))

    return Section(
        name,
        (
            row("cells", lambda one: str(one.cells)),
            row("expected", lambda one: write(one.expected)),
            row("spent", lambda one: write(one.spent)),
            row("spent / expected", lambda one: MISSING if one.ratio is None else f"{one.ratio:.2g}"),
        ),
    )
