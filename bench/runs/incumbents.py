"""Trials that led their study for a while: their test accuracy is read once nothing is chosen any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from safetensors.torch import load_file

from bench.costs.meter import Meter
from bench.records.cells import Cell, Cost
from bench.runs.evaluate import judge
from bench.runs.failure import Failure
from bench.runs.plan import digest_of
from bench.runs.session import Session
from bench.runs.tuner import Leader
from bench.spec import Data


def replay(leaders: Sequence[Leader], data: Data, session: Session) -> None:
    """Reads the test accuracy of trials that led their study for a while, once nothing is chosen any more."""
    judged = {result.key for result in session.store.results() if result.stage == "replay" and result.status == "done"}
    here = [leader for leader in leaders if all(path.exists() for path in leader.files)]
    cells = [(one, replace(one.cell, key=digest_of({"replay": one.cell.key}), stage="replay")) for one in here]
    wanted = [(leader, cell) for leader, cell in cells if cell.key not in judged]
    frozen = [pair for pair in wanted if pair[1].method.frozen]
    needed = session.estimate.forward * len(data.tests["test"].labels)  # a pass over the plain test images
    for group in [frozen, *([pair] for pair in wanted if not pair[1].method.frozen)]:
        if group and needed.fits(session.budget.remaining()):
            replay_group(group, data, session)


def replay_group(group: Sequence[tuple[Leader, Cell]], data: Data, session: Session) -> None:
    """Judges the trials of one group together; one of several folds counts with their mean."""
    works = [session.begin(cell, leader.trial) for leader, cell in group]
    files = [(cell, path) for leader, cell in group for path in leader.files]

    def judged() -> list[float]:
        meter = Meter(session.backbone.device, session.budget)
        restored = [cell.method.restore(session.backbone, load_file(path), data.train.classes) for cell, path in files]
        verdicts = judge(session.backbone, restored, {"test": data.tests["test"]}, meter)
        return [verdict.accuracy["test"] for verdict in verdicts]

    found = works[0].attempt(judged)
    parts = session.lap().split(len(works))
    for work, part, (leader, _) in zip(works, parts, group, strict=True):
        cost = part.on(Cost())
        if isinstance(found, Failure):
            work.fail(found, cost)
            continue
        mine, found = found[: len(leader.files)], found[len(leader.files) :]
        work.done({"test": sum(mine) / len(mine)}, cost)
        for path in leader.files:
            path.unlink(missing_ok=True)
