"""The one pass over a task's test images: all fitted cells are read back from disk and evaluated together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from bench.costs.memory import free_bytes, release
from bench.costs.meter import Meter
from bench.records.cells import Cost
from bench.records.correct import pack
from bench.records.delta import read
from bench.records.predictions import keep
from bench.runs.charge import Charge
from bench.runs.choice import Choice
from bench.runs.evaluate import Evaluation, evaluate
from bench.runs.failure import Failure
from bench.runs.final import FittedCell
from bench.runs.session import utc_now
from bench.runs.task_run import TaskRun
from bench.spec import Backbone

T = TypeVar("T")
R = TypeVar("R")


def evaluate_all(fitted: Sequence[FittedCell], run: TaskRun) -> None:
    """Evaluates what was fitted in one pass over the test images, and records it.

    Networks that do not fit in memory together are evaluated in several passes. If the budget ends or the device
    fails, what is left stays fitted for a later run.
    """
    probes = [one for one in fitted if one.cell.method.frozen]
    units = list(filter(None, [probes, *([one] for one in fitted if not one.cell.method.frozen)]))
    for group, found in in_groups(units, run.session.backbone, partial(attempted, run)):
        if isinstance(found, Failure) and found.unfinished:
            postponed(group, found, run)
            return
        record(group, found, run)


def in_groups(
    units: Sequence[Sequence[T]], backbone: Backbone, work: Callable[[list[T]], R | Failure]
) -> Iterator[tuple[list[T], R | Failure]]:
    """Does work on as many units at a time as fit in memory. A group that fails is split until what fails is alone.

    A unit is all the probes together, or one trained network.
    """
    left, most = list(units), networks_that_fit(backbone) if units else 0
    while left:
        taken = left[:most]
        group = [one for unit in taken for one in unit]
        found = work(group)
        if isinstance(found, Failure) and len(taken) > 1 and not found.unfinished:
            most = len(taken) // 2
        else:
            del left[:most]
            yield group, found
        if left:
            release()  # the networks of this pass


def networks_that_fit(backbone: Backbone) -> int:
    """How many trained networks fit in half of the memory that is free; the other half is for their activations."""
    tensors = (*backbone.module.parameters(), *backbone.module.buffers())
    size = sum(tensor.nbytes for tensor in tensors)
    return max(1, free_bytes(backbone.device) // 2 // max(1, size))


def attempted(run: TaskRun, group: Sequence[FittedCell]) -> list[Evaluation] | Failure:
    """Rebuilds the cells from their deltas alone, and evaluates them in one pass."""
    session, classes = run.session, run.data.train.classes
    backbone, delta = session.backbone, session.store.delta
    session.begin(group[0].cell)  # if the process is killed now, what the pass cost is not lost

    def evaluated() -> list[Evaluation]:
        cells = [one.cell for one in group]
        adapted = [cell.method.restore(backbone, read(delta(cell.key)), classes) for cell in cells]
        return evaluate(backbone, adapted, run.data.tests, Meter(backbone.device, session.budget))

    return session.attempt(evaluated)


def postponed(group: Sequence[FittedCell], why: Failure, run: TaskRun) -> None:
    """Charges a pass that did not come to its end. The cells stay fitted."""
    for one, part in zip(group, run.session.lap().split([1.0] * len(group)), strict=True):
        if why.fault:
            run.session.write_log(one.cell.key, why)
        bare = replace(one.record, started=utc_now(), reason=why.reason, expectation=None, curves={})
        run.session.record(replace(bare, cost=part.on(Cost())))


def record(group: Sequence[FittedCell], found: list[Evaluation] | Failure, run: TaskRun) -> None:
    """Records what a pass found. What it spent is shared out by the time that each took of it."""
    weights = [1.0] * len(group) if isinstance(found, Failure) else [one.share for one in found]
    for number, (one, part) in enumerate(zip(group, run.session.lap().split(weights), strict=True)):
        outcome = found if isinstance(found, Failure) else found[number]
        record_one(one, outcome, part, run)


def record_one(one: FittedCell, found: Evaluation | Failure, part: Charge, run: TaskRun) -> None:
    """Records one cell, which then waits no longer."""
    session, key = run.session, one.cell.key
    choice = run.choices.get(one.cell.label)
    counts = {name: len(test.labels) for name, test in run.data.tests.items()}
    told = replace(
        one.record,
        cost=run.cost_with_tuning(one.cell, part.on(one.record.cost)),
        data=replace(one.record.data, test_counts=counts),
        tuning=choice.facts if isinstance(choice, Choice) else None,
    )
    if isinstance(found, Failure):
        session.store.fitted.drop(key)  # a failed cell is fitted anew
        session.write_log(key, found)
        session.record(replace(told, reason=found.reason))
        return
    accuracy = found.accuracy
    if isinstance(choice, Choice) and choice.accuracy is not None:
        accuracy["val"] = choice.accuracy
    correct = {name: pack(right) for name, right in found.right.items()}
    seconds, flops = round(part.amount.seconds, 4), int(part.amount.flops)
    cost = replace(told.cost, eval_seconds=round(found.seconds, 4), spent_eval_seconds=seconds, spent_eval_flops=flops)
    with session.budget.paused():  # no method's seconds
        labels = {name: test.labels for name, test in run.data.tests.items()}
        kept = keep(session.store.folder, told, found.predicted, labels)
    done = replace(told, status="done", reason=None, accuracy=accuracy, cost=cost, correct=correct, predictions=kept)
    session.record(done)
    session.store.fitted.drop(key)
