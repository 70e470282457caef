"""Does the cells of a run, one backbone after the other, all under one budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from bench.backbone.network import TimmBackbone, load
from bench.costs.budget import Budget, parse_bytes
from bench.costs.device import find_device, limit_memory
from bench.costs.faults import is_fault
from bench.costs.memory import OUT_OF_MEMORY
from bench.records.cells import Cell, Observer
from bench.records.left_out import is_left_out
from bench.records.request import Request
from bench.records.store import Store
from bench.runs import runner
from bench.runs.failure import DeviceFailed, Failure, sentence
from bench.runs.plan import is_cut
from bench.runs.refusals import turn_away
from bench.runs.session import Postponed, Session
from bench.runs.storage import open_storage
from bench.spec import BackboneSpec, UserError


@dataclass
class Executed:
    """What a run did."""

    done: set[str] = field(default_factory=set)  # keys of cells
    left_out: set[str] = field(default_factory=set)  # keys of cells whose method has no place in the backbone
    postponed: dict[str, Postponed] = field(default_factory=dict)  # what did not fit into the budget
    stopped: str | None = None  # a sentence, where the device failed and cells may be left


def execute(
    todo: Sequence[Cell], store: Store, budget: Budget, request: Request, observers: Sequence[Observer]
) -> Executed:  # fmt: skip
    """Does cells until all are done, the budget is spent or the device fails."""
    device = find_device(request.device)
    if any(cell.tuning for cell in todo):
        open_storage(request.storage, store.folder)  # so that one out of reach is told before anything runs
    if request.memory_limit is not None:
        limit_memory(device, parse_bytes(request.memory_limit, "a memory limit"))
    found = Executed()
    remaining = list(todo)
    while remaining and found.stopped is None:
        spec = remaining[0].backbone
        session = Session(store, budget, loaded(spec, device), observers, request.storage)
        placed = turn_away([cell for cell in remaining if cell.backbone == spec], session)
        found.left_out |= {result.key for result in session.results if is_left_out(result)}
        found.done |= work(placed, session)
        remaining = [cell for cell in remaining if cell.backbone != spec]
        found.postponed |= session.postponed
        found.stopped = stopped(session)
    return found


def loaded(spec: BackboneSpec, device: torch.device) -> TimmBackbone:
    """The backbone on its device. Raises UserError as `load` does, and where the device has no room or fails."""
    try:
        return load(spec, device)
    except OUT_OF_MEMORY as error:
        raise UserError(
            f"the weights of {spec.name} do not fit into the memory of {device}; choose a smaller backbone, or more "
            "with --memory-limit"
        ) from error
    except RuntimeError as error:
        if not is_fault(error):
            raise
        raise UserError(f"{device} failed ({sentence(error)}); run again, or choose another with --device") from error


def work(todo: Sequence[Cell], session: Session) -> set[str]:
    """Runs cells with one backbone; a search that was cut short goes on while something is left of the budget."""
    before = -1
    done: set[str] = set()
    while todo and len(session.results) > before and session.failed is None:
        before = len(session.results)
        with until_failure(session):
            runner.run(todo, session)
        latest = session.store.latest()
        done = {result.key for result in session.results if result.status == "done"}
        todo = [cell for cell in todo if cell.key in done and is_cut(latest[cell.key])]
    return done


@contextmanager
def until_failure(session: Session) -> Iterator[None]:
    """A context that ends where the device has failed; the session then tells how."""
    try:
        yield
    except (DeviceFailed, RuntimeError) as error:
        if not (isinstance(error, DeviceFailed) or is_fault(error)):
            raise
        session.failed = session.failed or Failure.of(error)  # it may fail between two cells
        session.store.settle()


def stopped(session: Session) -> str | None:
    """Why a run has ended early; None where its device has not failed."""
    if session.failed is None:
        return None
    at = [one for one in session.results if one.reason == session.failed.reason]
    where = f" at {at[0].task} · {at[0].method} · seed {at[0].seed}" if at else ""
    what = session.failed.reason.partition(";")[0]
    return (
        f"{session.backbone.device}: {what}{where}; all that was finished is recorded; run again to go on, "
        "and leave out a method that fails there again"
    )
