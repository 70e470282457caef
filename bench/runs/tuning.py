"""The tuning of all methods of a task: the share of the budget that each gets, and the final cells that follow."""

from __future__ import annotations

from dataclasses import replace

from bench.costs.budget import Amount, largest
from bench.records.cells import Cell, CellResult, Cost
from bench.runs.choice import Choice
from bench.runs.failure import Failure
from bench.runs.plan import digest_of, is_cut, params
from bench.runs.session import utc_now
from bench.runs.task_run import TaskRun
from bench.runs.tuner import Tuner


def tune_all(run: TaskRun, room: Amount) -> None:
    """Chooses the hyper-parameters of every method that is tuned, with an even share of `room` each.

    What one method leaves is for the others. Methods with the cheapest trials come first, as they leave the most.
    """
    budget = run.session.budget
    cheapest = sorted(run.cells, key=lambda cell: run.session.estimate(replace(cell, stage="trial")).seconds)
    searched = {cell.label: cell for cell in cheapest if cell.tuning is not None}
    for done, (label, cell) in enumerate(searched.items()):
        before = budget.total
        share = room * (1 / (len(searched) - done))
        run.choices[label] = tune(cell, run, share)
        room = largest(room - (budget.total - before), Amount())


def tune(cell: Cell, run: TaskRun, share: Amount) -> Choice | Failure:
    """Searches for the hyper-parameters of a final cell, with `share` of the budget.

    What the final cells are expected to cost is left untouched. A Failure comes back where every trial failed. A search
    that the budget ended goes on where it stopped in a later run.
    """
    return run.session.attempt(lambda: Tuner(cell, run).choose(share))


def final_cells(run: TaskRun) -> list[Cell]:
    """The cells to measure, with the hyper-parameters that were chosen. A failed search has its records here."""
    found = [chosen(cell, run) for cell in run.cells]
    return [cell for cell in found if cell is not None]


def chosen(cell: Cell, run: TaskRun) -> Cell | None:
    """A cell with the hyper-parameters that were chosen; None where there is nothing new to measure."""
    choice = run.choices.get(cell.label)
    if choice is None:
        return cell
    if isinstance(choice, Failure):
        run.session.begin(cell).fail(choice, Cost())
        return None
    earlier = run.session.store.index().latest.get(cell.key)
    if earlier is not None and earlier.status == "done" and is_cut(earlier):
        facts = earlier.tuning
        if facts and (facts.trials, facts.cut) == (choice.facts.trials, choice.facts.cut):
            return None
        if digest_of(earlier.params) == digest_of(params(choice.method)):
            retell(earlier, choice, run)
            return None
    return replace(cell, method=choice.method)


def retell(earlier: CellResult, choice: Choice, run: TaskRun) -> None:
    """Records a final cell once more whose search went on and chose the same. It is not trained and evaluated again."""
    unspent = replace(
        earlier.cost, spent_seconds=0.0, spent_flops=0, spent_eval_seconds=None, spent_eval_flops=None,
        energy_joules=None, utilisation=None,
    )  # fmt: skip
    cost = run.session.lap().on(choice.on(unspent))
    accuracy = {**earlier.accuracy} if choice.accuracy is None else {**earlier.accuracy, "val": choice.accuracy}
    # Without an expectation: next to nothing was spent that estimates could learn from.
    told = replace(earlier, tuning=choice.facts, started=utc_now(), expectation=None)
    run.session.record(replace(told, accuracy=accuracy, cost=cost))
