"""Final cells: each method adapts to all training images and stores its delta; then all are evaluated together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from bench.adapt.probe import Probe
from bench.adapt.sources import place
from bench.records.cells import Cell, CellResult, Cost
from bench.records.fitted import Fitted, digest
from bench.runs.delta import write_and_read
from bench.runs.failure import Failure
from bench.runs.plan import digest_of, params
from bench.runs.session import Work
from bench.runs.task_run import TaskRun
from bench.spec import UserError

UNTESTED = "it was fitted and is not evaluated yet; run again to do it"
UNUSED = "it was fitted and not evaluated before its hyper-parameters or its delta changed; it is fitted anew"


@dataclass(frozen=True)
class FittedCell:
    """A cell whose delta lies on disk, and its record as it is without an evaluation."""

    cell: Cell
    record: CellResult


def fit_all(cells: Sequence[Cell], run: TaskRun) -> list[FittedCell]:
    """Fits the final cells of a task as far as the budget goes, and returns those that are to be evaluated.

    Probes come first, all or none. Any other cell is begun only if it and the evaluation of all cells before it are
    expected to fit into the budget. What an earlier run fitted and did not evaluate is taken as it is.
    """
    session, fitted = run.session, list[FittedCell]()
    probes = [cell for cell in cells if cell.method.frozen]
    for group in filter(None, [probes, *([cell] for cell in cells if not cell.method.frozen)]):
        needed = session.expected(group)
        reserved = session.evaluating([one.cell for one in fitted])
        if not (needed + reserved).fits(session.budget.remaining()):
            run.postpone(group, needed)
            continue
        for cell in group:
            if session.budget.is_spent():
                break
            one = earlier(cell, run) or fit_cell(cell, run)
            if one is not None:
                fitted.append(one)
    return fitted


def earlier(cell: Cell, run: TaskRun) -> FittedCell | None:
    """The cell as a run before this one fitted it; None where there is none, or another delta or method by now."""
    session = run.session
    found = session.store.fitted.get(cell.key)
    if found is None:
        return None
    same = digest_of(found.record.params) == digest_of(params(cell.method))
    if same and digest(session.store.delta(cell.key)) == found.delta:
        return FittedCell(cell, found.record)
    session.store.fitted.drop(cell.key)
    session.record(replace(found.record, reason=UNUSED))  # what it cost is not lost
    return None


def fit_cell(cell: Cell, run: TaskRun) -> FittedCell | None:
    """Fits a cell and keeps it until it is evaluated; None where it failed, which is then recorded."""
    session = run.session
    work = session.begin(cell)
    outcome = work.attempt(partial(fit, work, run))
    if isinstance(outcome, Failure):
        work.fail(outcome, run.cost_with_tuning(cell, work.measured()))
        return None
    record = work.result("failed", UNTESTED, session.lap().on(outcome))
    session.keep(Fitted(record, digest(session.store.delta(cell.key)) or ""))
    return FittedCell(cell, record)


def fit(work: Work, run: TaskRun) -> Cost:
    """Lets the method adapt, and writes what it stores. Only what is read back from there will be evaluated.

    Returns the attributed cost. Raises UserError when the method breaks a rule of fairness or its numbers are not
    finite.
    """
    cell, backbone, train = work.cell, run.session.backbone, run.data.train
    if cell.method.frozen:
        run.images.pixels(backbone.image_size)  # decoded before the clock starts
    else:
        place(backbone, run.images)
    work.peak = run.session.peak()  # images and features that the task's cells share are there by now
    torch.manual_seed(cell.seed)
    untouched = backbone.version()
    adapted = cell.method.fit(backbone, train, work.meter)
    cost = work.measured()
    if backbone.version() != untouched:
        raise UserError(f"{cell.label} changed the backbone's own weights; it must train a copy from `network`")
    if cell.method.frozen != isinstance(adapted, Probe):
        raise UserError(f"{cell.label} says frozen = {cell.method.frozen} but returned {type(adapted).__name__}")
    if isinstance(adapted, Probe) and (kept := adapted.chosen()):
        work.kept = kept
    path = run.session.store.delta(cell.key)
    stored = write_and_read(adapted.stored(), path, cell.store)
    return stored_as(stored, path, cost, f"{cell.label} diverged: its weights are not finite; lower its learning rate")


def stored_as(stored: dict[str, torch.Tensor], path: Path, cost: Cost, refusal: str) -> Cost:
    """The cost with the size of what is stored. Raises UserError where a number of it is not finite."""
    numbers = [value for value in stored.values() if value.is_floating_point()]
    if not all(bool(value.isfinite().all()) for value in numbers):
        raise UserError(refusal)
    count = sum(value.numel() for value in numbers)
    return replace(cost, stored_params=count, stored_bytes=path.stat().st_size)
