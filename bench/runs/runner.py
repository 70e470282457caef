"""Runs cells task by task: tunes, fits, evaluates all that was fitted together, and writes a record of each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from bench.costs.budget import Amount, largest, smallest
from bench.records.cells import Cell, CellResult
from bench.runs.final import fit_all
from bench.runs.incumbents import replay
from bench.runs.requantise import requantise
from bench.runs.scoring import evaluate_all
from bench.runs.session import Postponed, Session
from bench.runs.task_run import TaskRun
from bench.runs.tuning import final_cells, tune_all


def run(cells: Iterable[Cell], session: Session) -> list[CellResult]:
    """Runs cells task by task and returns the new records. The caller holds the store's lock.

    A task is begun only if all its cells are expected to fit into what is left of the budget. So a spent budget leaves
    fewer tasks compared, never fewer methods.
    """
    session.budget.start()
    tasks = [list(of_task) for _, of_task in groupby(cells, key=lambda cell: cell.task.name)]
    for done, of_task in enumerate(tasks):
        left, needed = session.budget.remaining(), session.expected(of_task)
        spent = session.budget.is_spent()
        if spent or not needed.fits(left):
            session.postponed[of_task[0].task.name] = Postponed(of_task, needed)
            if spent:
                break
            continue
        # Tuning gets an even share of what is left, and at least as much as the cells themselves.
        share = smallest(left, largest(left * (1 / (len(tasks) - done)), needed * 2)) - needed
        run_task(of_task, session, share)
    session.store.settle()
    return session.results


def run_task(cells: list[Cell], session: Session, share: Amount) -> None:
    """Tunes every method of a task with `share` of the budget, then fits all final cells and evaluates them.

    All of these are evaluated in one pass over the test images. Trials that led their study are evaluated last, for
    curves alone.
    """
    task = TaskRun.open(cells, session)
    if task is None:
        return
    requantise(task.cells, session)
    task.prepare_features()
    tune_all(task, share)
    evaluate_all(fit_all(final_cells(task), task), task)
    replay(task)
