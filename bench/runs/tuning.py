"""The tuning of all methods of a task: how much of the budget each gets, and which final cells are to be run then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bench.costs.budget import Amount, largest
from bench.records.cells import Cell, CellResult, Cost
from bench.registry import Label
from bench.runs.failure import Failure
from bench.runs.plan import digest_of, is_cut, params
from bench.runs.session import Session, utc_now
from bench.runs.tuner import Choice, tune
from bench.spec import Data, Method


def expected(cells: Sequence[Cell], session: Session) -> Amount:
    """What cells are expected to cost together, their tuning left out."""
    return sum((session.estimate(cell) for cell in cells), Amount())


def tune_all(cells: Sequence[Cell], data: Data, session: Session, room: Amount) -> dict[Label, Choice | Failure]:
    """What was chosen for each method that is tuned: an even share of `room` each, what one leaves is for the rest.

    Methods with the cheapest trials come first, as they leave the most.
    """
    cheapest = sorted(cells, key=lambda cell: session.estimate(replace(cell, stage="trial")).seconds)
    searched = {cell.label: cell for cell in cheapest if cell.tuning is not None}
    choices: dict[Label, Choice | Failure] = {}

    def reserved(name: Label, method: Method) -> Amount:
        found = {of: choice.method for of, choice in choices.items() if isinstance(choice, Choice)} | {name: method}
        finals = [replace(cell, method=found.get(cell.label, cell.method)) for cell in cells]
        return expected(finals, session)

    for done, (name, cell) in enumerate(searched.items()):
        before = session.budget.total
        share = room * (1 / (len(searched) - done))
        choices[name] = tune(cell, data, session, share, partial(reserved, name))
        room = largest(room - (session.budget.total - before), Amount())
    return choices


def chosen(cell: Cell, choice: Choice | Failure | None, session: Session) -> Cell | None:
    """A cell with the hyper-parameters that were chosen; None where there is nothing new to measure."""
    if choice is None:
        return cell
    if isinstance(choice, Failure):
        session.begin(cell).fail(choice, Cost())
        return None
    earlier = session.store.latest().get(cell.key)
    if earlier is not None and earlier.status == "done" and is_cut(earlier):
        facts = earlier.tuning
        if facts and (facts.trials, facts.cut) == (choice.facts.trials, choice.facts.cut):
            return None
        if digest_of(earlier.params) == digest_of(params(choice.method)):
            retell(earlier, choice, session)
            return None
    return replace(cell, method=choice.method)


def retell(earlier: CellResult, choice: Choice, session: Session) -> None:
    """Records once more a final cell whose search went on and came to the same: it is not trained and judged again."""
    unspent = replace(earlier.cost, spent_seconds=0.0, spent_flops=0, energy_joules=None, utilisation=None)
    cost = session.lap().on(tuned(unspent, choice))
    accuracy = {**earlier.accuracy} if choice.accuracy is None else {**earlier.accuracy, "val": choice.accuracy}
    # Without an expectation: next to nothing was spent that estimates could learn from.
    told = replace(earlier, tuning=choice.facts, started=utc_now(), expectation=None)
    session.record(replace(told, accuracy=accuracy, cost=cost))


def tuned(cost: Cost, choice: Choice | Failure | None) -> Cost:
    """A cost with that of the tuning."""
    if not isinstance(choice, Choice):
        return cost
    return replace(cost, tune_flops=choice.flops, tune_seconds=choice.seconds)
