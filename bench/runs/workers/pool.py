"""What the driver asks of workers, wherever they run, and what it hears of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.costs.budget import Amount
from bench.records.cells import CellResult
from bench.runs.workers.parcel import Wrote
from bench.runs.workers.worker import Ended, Errand


@dataclass(frozen=True)
class Joined:
    """A worker is ready."""

    worker: str
    place: str  # its device and its machine, in words


@dataclass(frozen=True)
class Pending:
    """What a worker is at, and what it has spent since its last record. It is heard every second."""

    worker: str
    at: CellResult | None  # as the record would be if the worker were killed now
    amount: Amount


@dataclass(frozen=True)
class Recorded:
    """A worker has finished something that belongs into the results folder."""

    worker: str
    wrote: Wrote


@dataclass(frozen=True)
class Finished:
    """An errand is over; the worker waits for the next one."""

    worker: str
    ended: Ended


@dataclass(frozen=True)
class Refused:
    """A worker cannot do an errand, for the data or the backbone is not there; another might."""

    worker: str
    reason: str


@dataclass(frozen=True)
class Lost:
    """A worker is gone, and what it was at with it. The pool starts another in its place where it can."""

    worker: str
    reason: str


Event = Joined | Pending | Recorded | Finished | Refused | Lost


class Pool(Protocol):
    """Workers of one kind."""

    def start(self, worker: str, errand: Errand) -> None:
        """Gives a worker that waits something to do."""

    def ceiling(self, worker: str, limit: Amount) -> None:
        """Sets what a worker may spend on its errand in all; 0 stops it between two steps."""

    def events(self, timeout: float) -> Sequence[Event]:
        """What was heard, oldest first for each worker; empty after `timeout` seconds without anything."""

    def close(self) -> None:
        """Ends all workers."""
