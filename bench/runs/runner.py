"""Runs cells task by task: tunes, fits, evaluates all that was fitted together, and writes a record of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.costs.budget import Amount, largest, smallest
from bench.records.cells import Cell, CellResult
from bench.runs.final import fit_all
from bench.runs.incumbents import replay
from bench.runs.requantise import requantise
from bench.runs.scoring import evaluate_all
from bench.runs.session import Postponed, Session
from bench.runs.task_run import TaskRun
from bench.runs.tuning import final_cells, tune_all

Part = tuple[Session, list[Cell]]  # cells with one backbone, and its session


def run(cells: Iterable[Cell], session: Session) -> list[CellResult]:
    """Runs cells with one backbone and returns the new records."""
    run_all([(session, list(cells))])
    return session.results


def run_all(work: Sequence[Part]) -> None:
    """Runs cells task by task, with one backbone after the other, under one budget. The caller holds the store's lock.

    A task is begun only if all its cells are expected to fit into what is left of the budget. So a spent budget leaves
    fewer tasks compared, never fewer methods or backbones.
    """
    budget = work[0][0].budget
    budget.start()
    tasks = by_task(work)
    for done, parts in enumerate(tasks):
        expected = [session.expected(part) for session, part in parts]
        left, needed, spent = budget.remaining(), sum(expected, Amount()), budget.is_spent()
        if spent or not needed.fits(left):
            for (session, part), of_part in zip(parts, expected, strict=True):
                session.postponed[part[0].task.name] = Postponed(part, of_part)
            if spent:
                break
            continue
        # Tuning gets an even share of what is left, and at least as much as the cells themselves.
        share = smallest(left, largest(left * (1 / (len(tasks) - done)), needed * 2)) - needed
        for session, part in parts:
            run_task(part, session, share * (1 / len(parts)))
            if session.failed is not None:  # the device, which all sessions are on
                return
    work[0][0].store.settle()


def by_task(work: Sequence[Part]) -> list[list[Part]]:
    """The same work, one list a task, in the order in which the tasks first come."""
    names = dict.fromkeys(cell.task.name for _, cells in work for cell in cells)
    found = [[(session, [one for one in cells if one.task.name == name]) for session, cells in work] for name in names]
    return [[(session, part) for session, part in parts if part] for parts in found]


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
