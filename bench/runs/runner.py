"""Runs cells: tunes, fits, stores, judges what was read back, and writes a record of each, whatever happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

import torch

from bench.adapt.probe import Probe
from bench.backbone.features import prepare
from bench.costs.budget import Amount, largest, smallest
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.records.cells import Cell, CellResult, Cost
from bench.records.correct import pack
from bench.registry import Label
from bench.runs.delta import write_and_read
from bench.runs.evaluate import judge
from bench.runs.failure import Failure, attempt
from bench.runs.incumbents import replay
from bench.runs.session import Postponed, Session, Work
from bench.runs.tuner import Choice
from bench.runs.tuning import chosen, expected, tune_all, tuned
from bench.spec import Adapted, Data, UserError


@dataclass(frozen=True)
class Fitted:
    """A cell whose method has finished: what was read back from its stored bytes, and what it cost so far."""

    work: Work
    adapted: Adapted
    cost: Cost


def run(cells: Iterable[Cell], session: Session) -> list[CellResult]:
    """Runs cells task by task; returns the new records. The caller holds the store's lock.

    A task is begun only if all its cells are expected to fit into what is left of the budget: a spent budget leaves
    fewer tasks compared, never fewer methods.
    """
    session.budget.start()
    tasks = [list(of_task) for _, of_task in groupby(cells, key=lambda cell: cell.task.name)]
    for done, of_task in enumerate(tasks):
        left, needed = session.budget.remaining(), expected(of_task, session)
        if session.budget.is_spent():
            break
        if needed.fits(left):
            # Tuning gets an even share of what is left, and at least as much as the cells themselves.
            share = smallest(left, largest(left * (1 / (len(tasks) - done)), needed * 2)) - needed
            run_task(of_task, session, share)
        else:
            session.postponed[of_task[0].task.name] = Postponed(of_task, needed)
    session.store.settle()
    return session.results


def run_task(cells: list[Cell], session: Session, share: Amount) -> None:
    """Tunes every method, then fits and judges: those that leave the backbone alone in one pass, each other by itself.

    `share` of the budget is for tuning. Trials that led their study are judged last, for curves alone.
    """
    shared = session.begin(cells[0])
    data = shared.attempt(cells[0].found.load)
    if isinstance(data, Failure):
        for cell in cells:
            session.begin(cell).fail(data, Cost())
        return
    targets = list(dict.fromkeys(target for cell in cells if cell.method.frozen for target in pooled(cell)))
    if targets:  # all that probes read of the training images comes from one pass
        meter = Meter(session.backbone.device, session.budget)
        shared.attempt(lambda: prepare(session.backbone, data.train.images, targets, meter))
    choices = tune_all(cells, data, session, share)
    ready = [chosen(cell, choices.get(cell.label), session) for cell in cells]
    finals = [cell for cell in ready if cell is not None]
    frozen = [cell for cell in finals if cell.method.frozen]
    for group in [frozen, *([cell] for cell in finals if not cell.method.frozen)]:
        needed = expected(group, session)
        if needed.fits(session.budget.remaining()):
            run_group(group, data, session, choices)
        elif group:
            label = f"{group[0].task.name} · {', '.join(dict.fromkeys(cell.label.text for cell in group))}"
            session.postponed[label] = Postponed(group, needed)
    found = [choice for choice in choices.values() if isinstance(choice, Choice)]
    replay([leader for choice in found for leader in choice.leaders], data, session)
    session.backbone.forget()


def pooled(cell: Cell) -> list[int | None]:
    """The pooling targets that a probe and its trials read: its hyper-parameter `target`, None for the embedding."""
    own = getattr(cell.method, "target", None)
    values = cell.method.space.get("target") if cell.tuning is not None else None
    return [own, *(getattr(values, "choices", ()) if "target" not in cell.label.fixed else ())]


def run_group(
    cells: Sequence[Cell], data: Data, session: Session, choices: Mapping[Label, Choice | Failure]
) -> None:  # fmt: skip
    """Fits each cell, then judges those that succeeded together; every cell that was begun gets its record."""
    fitted: list[Fitted] = []
    try:
        for cell in cells:
            if session.budget.is_spent():
                break
            work = session.begin(cell)
            choice = choices.get(cell.label)
            outcome = work.attempt(partial(fit, work, data))
            if isinstance(outcome, Failure):
                work.fail(outcome, tuned(work.measured(), choice))
            else:
                fitted.append(replace(outcome, cost=session.lap().on(tuned(outcome.cost, choice))))
    finally:  # also when interrupted: what has been fitted is judged and kept
        if fitted:
            judge_group(fitted, data, session, choices)


def judge_group(
    fitted: Sequence[Fitted], data: Data, session: Session, choices: Mapping[Label, Choice | Failure]
) -> None:  # fmt: skip
    """Judges what was fitted together and records it; what that spent is shared out evenly."""
    meter = Meter(session.backbone.device, session.budget)
    verdicts = attempt(lambda: judge(session.backbone, [one.adapted for one in fitted], data.tests, meter))
    parts = session.lap().split(len(fitted))
    for number, (one, part) in enumerate(zip(fitted, parts, strict=True)):
        cost = part.on(one.cost)
        choice = choices.get(one.work.cell.label)
        one.work.test_counts = {name: len(test.labels) for name, test in data.tests.items()}
        if isinstance(choice, Choice):
            one.work.tuning = choice.facts
        if isinstance(verdicts, Failure):
            one.work.fail(verdicts, cost)
            continue
        verdict = verdicts[number]
        accuracy = verdict.accuracy
        if isinstance(choice, Choice) and choice.accuracy is not None:
            accuracy["val"] = choice.accuracy
        answers = {name: pack(right) for name, right in verdict.right.items()}
        one.work.done(accuracy, replace(cost, eval_seconds=round(verdict.seconds, 4)), answers)


def fit(work: Work, data: Data) -> Fitted:
    """Lets the method adapt, writes what it keeps, and rebuilds from those bytes alone what will be judged.

    Raises UserError when the method breaks a rule of fairness or its numbers are not finite.
    """
    cell, session = work.cell, work.session
    backbone = session.backbone
    pixels(data.train.images, backbone.image_size)  # decoded before the clock starts
    torch.manual_seed(cell.seed)
    untouched = backbone.version()
    adapted = cell.method.fit(backbone, data.train, work.meter)
    cost = work.measured()
    if backbone.version() != untouched:
        raise UserError(f"{cell.label} changed the backbone's own weights; it must train a copy from `network`")
    if cell.method.frozen != isinstance(adapted, Probe):
        raise UserError(f"{cell.label} says frozen = {cell.method.frozen} but returned {type(adapted).__name__}")
    path = session.store.delta(cell.key)
    kept = write_and_read(adapted.stored(), path)
    numbers = [value for value in kept.values() if value.is_floating_point()]
    if not all(bool(value.isfinite().all()) for value in numbers):
        raise UserError(f"{cell.label} diverged: its weights are not finite; lower its learning rate")
    stored_params = sum(value.numel() for value in numbers)
    cost = replace(cost, stored_params=stored_params, stored_bytes=path.stat().st_size)
    restored = cell.method.restore(backbone, kept, data.train.classes)
    if isinstance(restored, Probe) and (chosen := restored.chosen()):
        work.kept = chosen
    return Fitted(work, restored, cost)
