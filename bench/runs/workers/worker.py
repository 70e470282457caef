"""Does one unit after the other on one device. Everything that a unit needs comes with it, and all goes back at once.

A worker shares no file with the driver. It works in a folder of its own, which ends with the unit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from bench.backbone.network import TimmBackbone, load
from bench.costs.budget import Amount, Budget, largest
from bench.costs.faults import is_fault
from bench.images.pixel_cache import cached
from bench.records.cells import Cell
from bench.records.store import Store
from bench.runs.failure import DeviceFailed, Failure
from bench.runs.runner import run_task
from bench.runs.session import Postponed
from bench.runs.workers.abroad import Abroad, Tell
from bench.runs.workers.parcel import Parcel
from bench.spec import BackboneSpec, Data, DataMissing, Found


@dataclass(frozen=True)
class Errand:
    """Cells of one task with one backbone, and all that a worker needs to do them."""

    cells: Sequence[Cell]  # without the driver's own images, see `travelling`
    parcel: Parcel
    limit: Amount  # what the worker may spend on them
    whole: Amount  # the budget as the user gave it, which messages name
    data: Path  # where the data sets are, on every machine
    owner: str  # of trials: identifies the driver's results folder
    storage: str | None = None  # URL of Optuna's storage; None: the studies' journals are in the parcel


@dataclass(frozen=True)
class Ended:
    """How an errand ended."""

    postponed: Mapping[str, Postponed]  # what did not fit into its limit
    failed: Failure | None  # how the device failed; this process can do nothing more on it


def travelling(cells: Sequence[Cell]) -> list[Cell]:
    """Cells as they are sent: each machine finds the images itself, and a path is the same in any working directory."""
    return [
        replace(cell, found=replace(cell.found, load=nowhere), backbone=anywhere(cell.backbone)) for cell in cells
    ]  # fmt: skip


def nowhere() -> Data:
    """In place of the driver's images. Raises DataMissing."""
    raise DataMissing("the images of this cell were not looked for on this machine")


def anywhere(spec: BackboneSpec) -> BackboneSpec:
    """The same backbone, with the whole path of its file."""
    return spec if spec.checkpoint is None else replace(spec, checkpoint=spec.checkpoint.absolute())


class Worker:
    """One device that does errands, one at a time. Another thread may ask how far it is, and lower its limit."""

    def __init__(self, device: torch.device, backbone: Callable[[BackboneSpec, torch.device], TimmBackbone] = load):
        """`backbone` loads one; what it has loaded is kept until another is asked for."""
        self.device, self._load = device, backbone
        self._backbone: tuple[BackboneSpec, TimmBackbone] | None = None
        self._found: dict[tuple[str, Path], Found] = {}
        self.session: Abroad | None = None  # of the errand at work

    def do(self, errand: Errand, tell: Tell) -> Ended:
        """Does an errand; `tell` is called with everything as soon as it is finished.

        Raises DataMissing where the images are not on this machine, or are others, and UserError where the backbone
        cannot be loaded.
        """
        cells = [self.here(cell, errand.data) for cell in errand.cells]
        backbone = self.backbone(cells[0].backbone)
        with TemporaryDirectory(prefix="head2head-", ignore_cleanup_errors=True) as name:
            errand.parcel.unpack(Path(name))
            budget = Budget(errand.limit, told=errand.whole)
            session = Abroad(Store(Path(name)), budget, backbone, tell, errand.storage)
            self.session, session.owner = session, errand.owner
            budget.start()
            share = largest(budget.remaining() - session.expected(cells), Amount())
            try:
                run_task(cells, session, share)
            except (DeviceFailed, RuntimeError) as error:
                if not (isinstance(error, DeviceFailed) or is_fault(error)):
                    raise
                session.failed = session.failed or Failure.of(error)  # it may fail between two cells
            self.session = None
            return Ended(session.postponed, session.failed)

    def here(self, cell: Cell, data: Path) -> Cell:
        """The cell with this machine's copy of its images."""
        task = cell.task
        if (task.name, data) not in self._found:
            self._found[task.name, data] = cached(task.find(data))
        found = self._found[task.name, data]
        if found.fingerprint != cell.found.fingerprint:
            raise DataMissing(
                f"{task.name} has other images below {data} on {os.uname().nodename} than where the run was started; "
                "give every machine the same copy"
            )
        return replace(cell, found=found)

    def backbone(self, spec: BackboneSpec) -> TimmBackbone:
        """The backbone on this device; the one before makes room for it."""
        if self._backbone is None or self._backbone[0] != spec:
            self._backbone = None
            self._backbone = spec, self._load(spec, self.device)
        return self._backbone[1]

    def lower(self, limit: Amount) -> None:
        """Sets what the errand at work may spend in all; 0 stops it between two steps. Any thread may call it."""
        if (session := self.session) is not None:
            session.budget.limit = limit
