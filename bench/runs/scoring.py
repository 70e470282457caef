"""The one pass over a task's test images: all fitted cells are read back from disk and evaluated together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from safetensors.torch import load_file

from bench.costs.budget import BudgetSpent
from bench.costs.memory import free_bytes, release
from bench.costs.meter import Meter
from bench.records.correct import pack
from bench.runs.choice import Choice
from bench.runs.evaluate import Evaluation, evaluate
from bench.runs.failure import Failure, attempt
from bench.runs.final import FittedCell
from bench.runs.session import Charge, utc_now
from bench.runs.task_run import TaskRun
from bench.spec import Backbone


def evaluate_all(fitted: Sequence[FittedCell], run: TaskRun) -> None:
    """Evaluates what was fitted in one pass over the test images, and records it.

    Networks that do not fit in memory together are evaluated in several passes. A group that fails is split until what
    failed is alone. If the budget ends, what is left stays fitted for a later run.
    """
    probes = [one for one in fitted if one.cell.method.frozen]
    units = list(filter(None, [probes, *([one] for one in fitted if not one.cell.method.frozen)]))
    most = networks_that_fit(run.session.backbone) if units else 0
    while units:
        group = [one for unit in units[:most] for one in unit]
        run.session.begin(group[0].cell)  # if the process is killed now, what the pass cost is not lost
        found = attempt(partial(evaluated, group, run))
        if isinstance(found, Failure) and isinstance(found.error, BudgetSpent):
            postponed(group, found, run)
            return
        if isinstance(found, Failure) and len(units[:most]) > 1:
            most = len(units[:most]) // 2
        else:
            del units[:most]
            record(group, found, run)
        if units:
            release()  # the networks of this pass


def networks_that_fit(backbone: Backbone) -> int:
    """How many trained networks fit in half of the memory that is free; the other half is for their activations."""
    tensors = (*backbone.module.parameters(), *backbone.module.buffers())
    size = sum(tensor.nbytes for tensor in tensors)
    return max(1, free_bytes(backbone.device) // 2 // max(1, size))


def evaluated(group: Sequence[FittedCell], run: TaskRun) -> list[Evaluation]:
    """Rebuilds the cells from their deltas alone, and evaluates them in one pass."""
    session, classes = run.session, run.data.train.classes
    backbone = session.backbone
    adapted = [
        one.cell.method.restore(backbone, load_file(session.store.delta(one.cell.key)), classes) for one in group
    ]
    return evaluate(backbone, adapted, run.data.tests, Meter(backbone.device, session.budget))


def postponed(group: Sequence[FittedCell], why: Failure, run: TaskRun) -> None:
    """Charges a pass that did not come to its end. The cells stay fitted."""
    for one, part in zip(group, run.session.lap().split([1.0] * len(group)), strict=True):
        bare = replace(one.record, started=utc_now(), reason=why.reason, expectation=None, curves={})
        run.session.record(replace(bare, cost=part.on(type(bare.cost)())))


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
    cost = replace(told.cost, eval_seconds=round(found.seconds, 4))
    session.record(replace(told, status="done", reason=None, accuracy=accuracy, cost=cost, correct=correct))
    session.store.fitted.drop(key)
