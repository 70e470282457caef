"""Incumbents: the trials that led their study for a while. Their test accuracy is read once all is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from bench.costs.meter import Meter
from bench.records.cells import Cell, Cost
from bench.records.delta import read
from bench.runs.charge import Charge
from bench.runs.choice import Leader
from bench.runs.evaluate import evaluate
from bench.runs.failure import Failure
from bench.runs.plan import digest_of
from bench.runs.scoring import in_groups
from bench.runs.session import Work
from bench.runs.task_run import TaskRun

Replay = tuple[Leader, Cell]  # a trial, and the cell that its record will be of


def replay(run: TaskRun) -> None:
    """Reads the test accuracy of the incumbents of a task that is over, as far as the budget goes."""
    session = run.session
    latest = session.store.index().latest
    here = [leader for leader in run.leaders() if all(path.exists() for path in leader.files)]
    cells = [(one, replace(one.cell, key=digest_of({"replay": one.cell.key}), stage="replay")) for one in here]
    wanted = [(leader, cell) for leader, cell in cells if cell.key not in latest or latest[cell.key].status != "done"]
    probes = [pair for pair in wanted if pair[1].method.frozen]
    needed = session.estimate.forward * len(run.data.tests["test"].labels)  # a pass over the plain test images
    left, units = session.budget.remaining(), list[list[Replay]]()
    for unit in filter(None, [probes, *([pair] for pair in wanted if not pair[1].method.frozen)]):
        if (needed * (len(units) + 1)).fits(left):
            units.append(unit)
    works: dict[str, Work] = {}
    for group, found in in_groups(units, session.backbone, partial(attempted, run, works)):
        record(group, found, works, session.lap().split([1.0] * len(group)))


def attempted(run: TaskRun, works: dict[str, Work], group: Sequence[Replay]) -> list[float] | Failure:
    """The test accuracy of every file of some trials, all from one pass over the test images."""
    session, data = run.session, run.data
    files = [(cell, path) for leader, cell in group for path in leader.files]

    def accuracies() -> list[float]:
        meter = Meter(session.backbone.device, session.budget)
        restored = [cell.method.restore(session.backbone, read(path), data.train.classes) for cell, path in files]
        found = evaluate(session.backbone, restored, {"test": data.tests["test"]}, meter)
        return [one.accuracy["test"] for one in found]

    works |= {cell.key: session.begin(cell, leader.trial) for leader, cell in group}
    return works[group[0][1].key].attempt(accuracies)


def record(
    group: Sequence[Replay], found: list[float] | Failure, works: Mapping[str, Work], parts: Sequence[Charge]
) -> None:  # fmt: skip
    """Records the trials of one pass. A trial of several folds counts with the mean of its folds."""
    for (leader, cell), part in zip(group, parts, strict=True):
        work, cost = works[cell.key], part.on(Cost())
        if isinstance(found, Failure):
            work.fail(found, cost)
            continue
        mine, found = found[: len(leader.files)], found[len(leader.files) :]
        work.done({"test": sum(mine) / len(mine)}, cost)
        for path in leader.files:
            path.unlink(missing_ok=True)
