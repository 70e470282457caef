"""Final cells: a method adapts to all training images, and what it stored is read back and evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from bench.adapt.probe import Probe
from bench.costs.meter import Meter
from bench.records.cells import Cell, Cost
from bench.records.correct import pack
from bench.runs.choice import Choice
from bench.runs.delta import write_and_read
from bench.runs.evaluate import evaluate
from bench.runs.failure import Failure, attempt
from bench.runs.session import Work
from bench.runs.task_run import TaskRun
from bench.spec import Adapted, UserError


@dataclass(frozen=True)
class Fitted:
    """A cell whose method has finished: what was read back from its stored bytes, and what it cost so far."""

    work: Work
    adapted: Adapted
    cost: Cost


def run_group(cells: Sequence[Cell], run: TaskRun) -> None:
    """Fits each cell, then evaluates those that succeeded together. Every cell that was begun gets its record."""
    session = run.session
    fitted: list[Fitted] = []
    try:
        for cell in cells:
            if session.budget.is_spent():
                break
            work = session.begin(cell)
            outcome = work.attempt(partial(fit, work, run))
            if isinstance(outcome, Failure):
                work.fail(outcome, run.cost_with_tuning(cell, work.measured()))
            else:
                fitted.append(replace(outcome, cost=session.lap().on(run.cost_with_tuning(cell, outcome.cost))))
    finally:  # also when interrupted: what has been fitted is evaluated and recorded
        if fitted:
            evaluate_group(fitted, run)


def evaluate_group(fitted: Sequence[Fitted], run: TaskRun) -> None:
    """Evaluates what was fitted together and records it. What that spent is shared out evenly."""
    session, tests = run.session, run.data.tests
    meter = Meter(session.backbone.device, session.budget)
    found = attempt(lambda: evaluate(session.backbone, [one.adapted for one in fitted], tests, meter))
    parts = session.lap().split(len(fitted))
    for number, (one, part) in enumerate(zip(fitted, parts, strict=True)):
        cost = part.on(one.cost)
        choice = run.choices.get(one.work.cell.label)
        one.work.test_counts = {name: len(test.labels) for name, test in tests.items()}
        if isinstance(choice, Choice):
            one.work.tuning = choice.facts
        if isinstance(found, Failure):
            one.work.fail(found, cost)
            continue
        evaluation = found[number]
        accuracy = evaluation.accuracy
        if isinstance(choice, Choice) and choice.accuracy is not None:
            accuracy["val"] = choice.accuracy
        correct = {name: pack(right) for name, right in evaluation.right.items()}
        one.work.done(accuracy, replace(cost, eval_seconds=round(evaluation.seconds, 4)), correct)


def fit(work: Work, run: TaskRun) -> Fitted:
    """Lets the method adapt, writes what it stores, and rebuilds from those bytes alone what will be evaluated.

    Raises UserError when the method breaks a rule of fairness or its numbers are not finite.
    """
    cell, backbone, train = work.cell, run.session.backbone, run.data.train
    run.images.pixels(backbone.image_size)  # decoded before the clock starts
    torch.manual_seed(cell.seed)
    untouched = backbone.version()
    adapted = cell.method.fit(backbone, train, work.meter)
    cost = work.measured()
    if backbone.version() != untouched:
        raise UserError(f"{cell.label} changed the backbone's own weights; it must train a copy from `network`")
    if cell.method.frozen != isinstance(adapted, Probe):
        raise UserError(f"{cell.label} says frozen = {cell.method.frozen} but returned {type(adapted).__name__}")
    path = run.session.store.delta(cell.key)
    stored = write_and_read(adapted.stored(), path)
    numbers = [value for value in stored.values() if value.is_floating_point()]
    if not all(bool(value.isfinite().all()) for value in numbers):
        raise UserError(f"{cell.label} diverged: its weights are not finite; lower its learning rate")
    count = sum(value.numel() for value in numbers)
    cost = replace(cost, stored_params=count, stored_bytes=path.stat().st_size)
    restored = cell.method.restore(backbone, stored, train.classes)
    if isinstance(restored, Probe) and (kept := restored.chosen()):
        work.kept = kept
    return Fitted(work, restored, cost)
