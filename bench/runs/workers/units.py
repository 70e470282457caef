"""Units of work: all frozen cells of a task, which share features, and each of its trained methods, with all seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.costs.budget import Amount
from bench.records.cells import Cell
from bench.runs.plan import is_cut
from bench.runs.runner import Part
from bench.runs.session import Session
from bench.runs.workers.ledger import Lease
from bench.runs.workers.pool import Pending


@dataclass
class Unit:
    """Cells of one task with one backbone that one worker does together."""

    session: Session  # the driver's, which records
    cells: list[Cell]
    lease: Lease | None = None  # while its task is open
    tries: int = 0  # workers that were lost over it
    refused: dict[str, str] = field(default_factory=dict)  # by worker that could not do it, why
    heard: Pending | None = None  # what its worker last said

    @property
    def tuned(self) -> int:
        """Methods that are tuned."""
        return len({cell.label for cell in self.cells if cell.tuning is not None})

    def expected(self) -> Amount:
        """What it is expected to cost, without its tuning."""
        return self.session.expected(self.cells)

    def length(self) -> float:
        """Seconds that it is expected to take with its tuning: the longest goes first."""
        return sum(self.session.estimate.tuned(cell).seconds for cell in self.cells)

    def left(self) -> list[Cell]:
        """The cells that have no figure yet, or one whose tuning was cut short."""
        latest = self.session.store.index().latest
        records = {cell.key: latest.get(cell.key) for cell in self.cells}
        done = {key for key, one in records.items() if one and one.status == "done" and not is_cut(one)}
        return [cell for cell in self.cells if cell.key not in done]


def units(parts: Sequence[Part]) -> list[Unit]:
    """The units of one task."""
    found = []
    for session, cells in parts:
        names = dict.fromkeys("" if cell.method.frozen else cell.label.text for cell in cells)
        for name in names:
            own = [cell for cell in cells if ("" if cell.method.frozen else cell.label.text) == name]
            found.append(Unit(session, own))
    return found
