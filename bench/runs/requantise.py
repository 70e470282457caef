"""Cells that need no fit: the same cell was done with its delta in fp32, which is written anew in another format."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bench.records.cells import Cell, CellResult, Cost
from bench.records.delta import read
from bench.records.fitted import Fitted, digest
from bench.records.request import STORES
from bench.runs.delta import write_and_read
from bench.runs.final import UNTESTED, stored_as
from bench.runs.plan import keyed
from bench.runs.session import Session, Work


def requantise(cells: list[Cell], session: Session) -> None:
    """Keeps as fitted those cells whose delta is there in fp32. What they cost to train is that of the other cell."""
    for cell in cells:
        if cell.store == STORES[0] or session.store.fitted.get(cell.key):
            continue
        work = session.begin(cell)
        whole = in_fp32(work)
        cost = work.attempt(partial(rewritten, work, whole)) if whole else None
        if whole is not None and isinstance(cost, Cost):
            made = work.result("failed", UNTESTED, session.lap().on(cost))
            told = replace(made, params=whole.params, kept=whole.kept, curves=whole.curves, expectation=None)
            session.keep(Fitted(told, digest(session.store.delta(cell.key)) or ""))


def in_fp32(work: Work) -> CellResult | None:
    """The same cell with its delta in fp32, if it is done, its file is there and it was computed as here."""
    store = work.session.store
    key = keyed(replace(work.cell, store=STORES[0])).key
    found, path = store.index().latest.get(key), store.delta(key)
    if found is None or found.status != "done" or not path.is_file():
        return None
    here = work.result("failed", UNTESTED, Cost()).environment
    alike = (found.environment.device, found.environment.precision) == (here.device, here.precision)
    return found if alike and path.stat().st_size == found.cost.stored_bytes else None


def rewritten(work: Work, whole: CellResult) -> Cost:
    """Writes a delta in the format of a cell. Returns the attributed cost of the fit, and the size of the file."""
    store, cell, cost = work.session.store, work.cell, whole.cost
    path = store.delta(cell.key)
    stored = write_and_read(read(store.delta(whole.key)), path, cell.store)
    fitted = Cost(
        train_flops=cost.train_flops, shared_flops=cost.shared_flops, train_seconds=cost.train_seconds,
        shared_seconds=cost.shared_seconds, peak_bytes=cost.peak_bytes,
    )  # fmt: skip
    return stored_as(stored, path, fitted, f"{cell.label} has numbers that {cell.store} does not hold")
