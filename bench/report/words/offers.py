"""What each method offers within a budget and a storage limit, by the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.costs.budget import Amount
from bench.records.cells import CellResult
from bench.records.studies import Study, Trial, incumbents
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import duration, prefixed
from bench.report.words.limits import largest


@dataclass(frozen=True)
class Offer:
    """What a method reaches within the limits."""

    method: str
    accuracy: float  # mean over the tasks, a fraction
    cost: Amount  # tuning and training of the mean task, attributed
    stored: float  # bytes, the most on any task
    how: str  # where its hyper-parameters come from
    params: Mapping[str, Mapping[str, Any]]  # hyper-parameters by task
    recorded: bool  # its final cells fit as they are


def offer_of(grid: Grid, found: Sequence[Study], method: str, limit: Amount, storage: float) -> Offer | str:
    """A method's offer, or the reason why it has none.

    The method is taken as it was recorded where that fits. Otherwise its tuning is taken as if it had stopped in time.
    """
    stored = largest(grid, method)
    score = grid.mean(method, [list(grid.common)])
    if stored is None or score is None:
        return "its records lack a figure"
    if stored > storage:
        return f"stores {prefixed(stored, 'B')}"
    whole, train = cost_of(grid, method), training(grid, method)
    if whole is None or train is None:
        return "its records lack a cost"
    cells = {task: grid.cells[method, task][-1] for task in grid.common}
    params = {task: cell.params for task, cell in cells.items()}
    if whole.fits(limit):
        tuned = any(cell.tuning for cell in cells.values())
        return Offer(method, score.mean, whole, stored, "tuned" if tuned else "its defaults", params, True)
    if train.fits(limit) and all(kept_its_default(cell) for cell in cells.values()):
        return Offer(method, score.mean, train, stored, "its defaults, which tuning kept", params, True)
    stopped = stopped_early(grid, found, method, limit)
    if stopped is not None:
        return stopped
    return "takes " + (duration(whole.seconds) if whole.seconds > limit.seconds else prefixed(whole.flops, "FLOP"))


def cost_of(grid: Grid, method: str) -> Amount | None:
    """Training and tuning of the mean task. Tuning costs nothing where there was none."""
    return amount(grid, method, "adapt")


def training(grid: Grid, method: str) -> Amount | None:
    """Training of the mean task, without tuning."""
    return amount(grid, method, "train")


def amount(grid: Grid, method: str, what: str) -> Amount | None:
    """Seconds and FLOPs of `train`, or of `adapt`; None where one is missing."""
    seconds, flops = grid.cost(method, f"{what}_seconds"), grid.cost(method, f"{what}_flops")
    return None if seconds is None or flops is None else Amount(seconds, flops)


def kept_its_default(cell: CellResult) -> bool:
    """Whether no trial was better than the first: without tuning, the cell would be the same."""
    return cell.tuning is not None and cell.tuning.chosen == 0


def stopped_early(grid: Grid, found: Sequence[Study], method: str, limit: Amount) -> Offer | None:
    """The offer of a method whose tuning stops when the rest of the budget is just enough for the training.

    None where a task has no study, no trial fits in time, or the leading trial has no test accuracy.
    """
    of_tasks = [one for one in found if one.task in grid.common]
    left = limit - (training(grid, method) or Amount())
    if {one.task for one in of_tasks} != set(grid.common):
        return None
    tests: dict[str, list[float]] = {}
    params: dict[str, Mapping[str, Any]] = {}
    for one in of_tasks:
        leading = leader_at(one, left)
        if leading is None or leading.test is None:
            return None
        tests.setdefault(one.task, []).append(leading.test)
        params[one.task] = leading.params
    accuracy = fmean(fmean(of_task) for of_task in tests.values())
    return Offer(method, accuracy, limit, largest(grid, method) or 0.0, "tuning stopped early", params, False)


def leader_at(study: Study, left: Amount) -> Trial | None:
    """The incumbent of a search that has spent `left`; None before the first trial, or where a cost is not known."""
    spent = Amount(study.shared["seconds"], study.shared["flops"])
    leading: Trial | None = None
    for one, best in zip(study.trials, incumbents(study), strict=True):
        seconds, flops = one.costs["seconds"], one.costs["flops"]
        if seconds is None or flops is None:
            return None
        spent = spent + Amount(seconds, flops)
        if not spent.fits(left):
            break
        leading = best
    return leading
