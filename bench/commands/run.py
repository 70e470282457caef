"""The command `run`: does what is left to do under the budget, and reports on all of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.commands.codes import DONE, INCOMPLETE, OVER_BUDGET
from bench.commands.parser import request
from bench.commands.progress import Progress
from bench.commands.request import note, planned, tell_missing
from bench.costs.budget import UNLIMITED, Budget, parse_bytes, parse_limits
from bench.records.cells import Cell
from bench.records.request import Request
from bench.records.store import Store
from bench.runs.plan import Plan, is_cut, split_done
from bench.spec import UserError

if TYPE_CHECKING:
    from bench.tracking import Tracker


def main(asked: Namespace) -> int:
    """Runs what is not done yet and reports on all of it."""
    comparison = request(asked)
    code, tracker = measure(comparison)
    if Store(comparison.results).results():
        from bench.commands.report import show_report  # here, so that wrong usage is told before pandas is imported

        show_report(comparison.results, asked.versus, tracker)
    return code


def measure(request: Request) -> tuple[int, Tracker | None]:
    """Runs what is not done yet; the exit code, and who told MLflow of it, if anything was run."""
    plan = planned(request)
    store = Store(request.results)
    limit = parse_limits(request.budget)
    tell_missing(plan)
    if not plan.cells:
        raise UserError("nothing can run: no task has its data; `list` shows what is here")
    with store.lock():
        if (lost := store.recover()) is not None:
            note(f"a run was killed at {lost.task} · {lost.method}; its {lost.cost.spent_seconds:.1f} s are charged")
        todo, done = split_done(plan.cells, store.latest(), request.force)
        note(f"{len(plan.cells)} cells: {len(done)} done already, {len(todo)} to run into {request.results}")
        budget = Budget(limit, store.index().spent())
        tracker = None
        finished = completed(plan, store) if not request.force else set()
        if todo and not budget.is_spent():
            tracker, finished = execute(plan, todo, store, budget, request)
    return outcome(plan, finished, store, budget), tracker


def execute(
    plan: Plan, todo: Sequence[Cell], store: Store, budget: Budget, request: Request
) -> tuple[Tracker, set[str]]:  # fmt: skip
    """Runs cells with progress on stderr and MLflow brought up to date cell by cell; returns the keys that are done."""
    # Here, so that wrong usage is told before torch is imported, which takes seconds.
    from bench.backbone.network import load
    from bench.costs.device import find_device, limit_memory
    from bench.runs import runner
    from bench.runs.session import Session
    from bench.runs.storage import open_storage
    from bench.tracking import Tracker

    where = find_device(request.device)
    if request.tune is not None:
        open_storage(request.storage, store.folder)  # so that one out of reach is told before anything runs
    if request.memory_limit is not None:
        limit_memory(where, parse_bytes(request.memory_limit, "a memory limit"))
    tracker = Tracker(store.folder)
    loaded = load(request.spec, where)
    with Progress(len(todo)) as progress:
        shared = Session(store, budget, loaded, [progress, tracker], request.storage)
        before = -1
        while todo and len(shared.results) > before:  # a search that was cut short goes on while something is left
            before = len(shared.results)
            runner.run(todo, shared)
            latest = store.latest()
            ours = {result.key for result in shared.results if result.status == "done"}
            todo = [cell for cell in todo if cell.key in ours and is_cut(latest[cell.key])]
    finished = completed(plan, store) & ours if request.force else completed(plan, store)
    for label, left in shared.postponed.items():
        if any(cell.key not in finished for cell in left.cells):
            note(f"{label} is expected to take {left.needed}, more than was left, and was not begun")
    return tracker, finished


def completed(plan: Plan, store: Store) -> set[str]:
    """Keys of a plan's cells that have a figure, with however many trials."""
    latest = store.latest()
    return {cell.key for cell in plan.cells if cell.key in latest and latest[cell.key].status == "done"}


def outcome(plan: Plan, done: set[str], store: Store, budget: Budget) -> int:
    """The exit code, and a sentence where not all is done."""
    latest = store.latest()
    failed = [cell for cell in plan.cells if cell.key in latest and latest[cell.key].status == "failed"]
    left = len(plan.cells) - len(done)
    cut = sum(is_cut(latest[cell.key]) for cell in plan.cells if cell.key in done)
    limited = budget.limit != UNLIMITED
    if limited and (left > len(failed) or cut or (left and budget.is_spent())):
        note(f"the budget of {budget.limit} does not do for all: {budget.spent.seconds:.0f} s and "
             f"{budget.spent.flops:.3g} FLOP are spent in this folder, {left} cells are left"
             + (f" and {cut} were tuned with fewer trials than asked" if cut else "")
             + "; raise --budget and run again")  # fmt: skip
        return OVER_BUDGET
    return INCOMPLETE if left or plan.missing else DONE
