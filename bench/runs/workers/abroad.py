"""A session on a worker: what it records, fits and searches goes back to the driver at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from bench.backbone.network import TimmBackbone
from bench.costs.budget import Amount, Budget
from bench.records.cells import Cell, CellResult, Cost, TrialFacts
from bench.records.fitted import Fitted, FittedCells
from bench.records.predictions import files_of
from bench.records.store import Store
from bench.runs.session import KILLED, Session, Work
from bench.runs.storage import journal
from bench.runs.workers.parcel import Wrote, read, trial_deltas

Tell = Callable[[Wrote], None]


class Abroad(Session):
    """A session whose folder nobody else sees; `tell` is called with all that is written there."""

    def __init__(self, store: Store, budget: Budget, backbone: TimmBackbone, tell: Tell, storage: str | None) -> None:
        super().__init__(store, budget, backbone, (self.recorded,), storage)
        self.tell = tell
        self.at: CellResult | None = None  # what is at work, as its record would be if this were killed
        store.fitted = Waiting(store, tell)

    def begin(self, cell: Cell, trial: TrialFacts | None = None) -> Work:
        """Work on a cell starts. Raises DeviceFailed once the device has failed."""
        work = super().begin(cell, trial)
        self.at = work.result("failed", KILLED, Cost())
        return work

    def studies(self, name: str) -> BaseStorage:
        """Where Optuna keeps a study: in a journal whose every line is told, or in the storage of all machines."""
        if self.storage is not None:
            return super().studies(name)
        path = journal(self.store.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(Told(path, lambda lines: self.tell(Wrote(study=name, lines=lines))))

    def recorded(self, result: CellResult) -> None:
        """Tells of a record, with the deltas of a trial that may have to be evaluated, what a final cell predicted, and
        the log of a failure.
        """
        folder = self.store.folder
        deltas = trial_deltas(folder, result.key) if result.stage == "trial" else ()
        logs = [folder / "failures" / f"{result.key}.txt"] if result.status == "failed" else []
        kept = files_of(folder, result) if result.predictions else []
        files = dict(read(folder, filter(Path.is_file, [*deltas, *kept, *logs])))
        self.tell(Wrote(record=result, files=files))

    def pending(self) -> Amount:
        """What was spent and is in no record yet. Any thread may ask."""
        return self.budget.pending


class Waiting(FittedCells):
    """The fitted cells of a worker: each is told with its delta."""

    def __init__(self, store: Store, tell: Tell) -> None:
        super().__init__(store.fitted.folder)
        self.store, self.tell = store, tell

    def put(self, one: Fitted) -> None:
        """Keeps a fitted cell, here and at the driver."""
        super().put(one)
        delta = self.store.delta(one.record.key)
        self.tell(Wrote(fitted=one, files=dict(read(self.store.folder, [delta] if delta.is_file() else []))))

    def drop(self, key: str) -> None:
        """Forgets a cell, here and at the driver."""
        super().drop(key)
        self.tell(Wrote(dropped=key))


class Told(JournalFileBackend):
    """A journal of Optuna's that tells of the lines that are added to it."""

    def __init__(self, path: Path, tell: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        super().__init__(str(path))
        self.tell = tell

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes lines, and tells of them."""
        super().append_logs(logs)
        self.tell(logs)
