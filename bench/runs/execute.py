"""Does the cells of a run, one backbone after the other, all under one budget."""

from __future__ import annotations

from collections.abc import Sequence

from bench.backbone.network import load
from bench.costs.budget import Budget, parse_bytes
from bench.costs.device import find_device, limit_memory
from bench.records.cells import Cell, Observer
from bench.records.request import Request
from bench.records.store import Store
from bench.runs import runner
from bench.runs.plan import is_cut
from bench.runs.session import Postponed, Session
from bench.runs.storage import open_storage


def execute(
    todo: Sequence[Cell], store: Store, budget: Budget, request: Request, observers: Sequence[Observer]
) -> tuple[set[str], dict[str, Postponed]]:  # fmt: skip
    """Keys of the cells that were done, and what did not fit into the budget."""
    device = find_device(request.device)
    if request.tune is not None:
        open_storage(request.storage, store.folder)  # so that one out of reach is told before anything runs
    if request.memory_limit is not None:
        limit_memory(device, parse_bytes(request.memory_limit, "a memory limit"))
    done: set[str] = set()
    postponed: dict[str, Postponed] = {}
    remaining = list(todo)
    while remaining:
        spec = remaining[0].backbone
        session = Session(store, budget, load(spec, device), observers, request.storage)
        done |= work([cell for cell in remaining if cell.backbone == spec], session)
        remaining = [cell for cell in remaining if cell.backbone != spec]
        postponed |= session.postponed
    return done, postponed


def work(todo: Sequence[Cell], session: Session) -> set[str]:
    """Runs cells with one backbone; a search that was cut short goes on while something is left of the budget."""
    before = -1
    done: set[str] = set()
    while todo and len(session.results) > before:
        before = len(session.results)
        runner.run(todo, session)
        latest = session.store.latest()
        done = {result.key for result in session.results if result.status == "done"}
        todo = [cell for cell in todo if cell.key in done and is_cut(latest[cell.key])]
    return done
