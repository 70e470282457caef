"""Does the cells of a run, one backbone after the other, all under one budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from bench.runs.plan import backbones, is_cut
from bench.runs.refusals import turn_away
from bench.runs.session import Postponed, Session
from bench.runs.storage import open_storage
from bench.spec import BackboneSpec, UserError

if TYPE_CHECKING:
    from bench.runs.workers.crew import Crew


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
    """Does cells until all are done, the budget is spent or the device fails. All backbones are loaded first."""
    device = find_device(request.device)
    if request.storage is not None and any(cell.tuning for cell in todo):
        open_storage(request.storage, store.folder, "")  # so that one out of reach is told before anything runs
    crew = hire(request, device)
    if request.memory_limit is not None:
        limit_memory(device, parse_bytes(request.memory_limit, "a memory limit"))
    found = Executed()
    parts: list[runner.Part] = []
    for spec in backbones(todo):
        session = Session(store, budget, loaded(spec, device), observers, request.storage)
        parts.append((session, turn_away([cell for cell in todo if cell.backbone == spec], session)))
        found.left_out |= {result.key for result in session.results if is_left_out(result)}
    found.done = work(parts) if crew is None else crew.work([part for part in parts if part[1]], request)
    for session, _ in parts:
        found.postponed |= {named(label, what, len(parts)): what for label, what in session.postponed.items()}
        found.stopped = found.stopped or stopped(session)
    return found


def hire(request: Request, device: torch.device) -> Crew | None:
    """The workers that are asked for; None where this process does all itself. Nothing of Ray is imported then."""
    if request.workers is None and request.cluster is None:
        return None
    from bench.runs.workers.crew import crew

    return crew(request, device)


def named(label: str, postponed: Postponed, backbones: int) -> str:
    """The label of what did not fit into the budget, with the backbone where there are several."""
    return f"{label} · {postponed.cells[0].backbone.name}" if backbones > 1 else label


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


def work(parts: list[runner.Part]) -> set[str]:
    """Runs the cells of all sessions, and returns the keys of those that are done.

    A search that was cut short goes on while something is left of the budget.
    """
    sessions, before = [session for session, _ in parts], -1
    done: set[str] = set()
    while parts and recorded(sessions) > before and not any(one.failed for one in sessions):
        before = recorded(sessions)
        with until_failure(sessions):
            runner.run_all(parts)
        latest = sessions[0].store.latest()
        done = {result.key for session in sessions for result in session.results if result.status == "done"}
        cut = {key for key in done if is_cut(latest[key])}
        left = [(session, [cell for cell in cells if cell.key in cut]) for session, cells in parts]
        parts = [(session, cells) for session, cells in left if cells]
    return done


def recorded(sessions: Sequence[Session]) -> int:
    """How many records some sessions have made."""
    return sum(len(session.results) for session in sessions)


@contextmanager
def until_failure(sessions: Sequence[Session]) -> Iterator[None]:
    """A context that ends where the device has failed; one of the sessions then tells how."""
    try:
        yield
    except (DeviceFailed, RuntimeError) as error:
        if not (isinstance(error, DeviceFailed) or is_fault(error)):
            raise
        if not any(session.failed for session in sessions):
            sessions[0].failed = Failure.of(error)  # it may fail between two cells
    if any(session.failed for session in sessions):
        sessions[0].store.settle()


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
