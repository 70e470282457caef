"""Advice: which method the records support best within a budget and a storage limit, with what it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from bench.costs.budget import Amount
from bench.records.cells import CellResult
from bench.records.studies import Study, Trial, incumbents
from bench.report.numbers.evidence import comparison, difference_interval, mean_interval
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.searches import of_grid
from bench.report.numbers.units import counted, duration, listed, percent, prefixed
from bench.report.words.limits import certainty, largest, written
from bench.spec import UserError

ENOUGH = 2  # methods that must have been compared


@dataclass(frozen=True)
class Offer:
    """What a method gives a task within the limits: `cost` is of tuning and training, attributed, the mean task's."""

    method: str
    accuracy: float  # mean over the tasks, a fraction
    cost: Amount
    stored: float  # bytes, the most on any task
    how: str
    params: Mapping[str, Mapping[str, Any]]  # by task
    recorded: bool  # its final cells fit as they are


@dataclass(frozen=True)
class Advised:
    """The advice for one suite and backbone; a rich console prints it."""

    grid: Grid
    offers: tuple[Offer, ...]  # the best first
    refused: Mapping[str, str]  # method: why it does not fit
    sentences: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for sentence in self.sentences:
            yield Text(sentence)
        table = Table("method", "accuracy, %", "time", "FLOPs", "stored", "as", box=None)
        for one in self.offers:
            interval = mean_interval(self.grid, one.method, [list(self.grid.common)]) if one.recorded else None
            accuracy = percent(one.accuracy)
            if interval:
                accuracy += f" [{percent(interval.low)}, {percent(interval.high)}]"
            table.add_row(
                one.method, accuracy, duration(one.cost.seconds), prefixed(one.cost.flops), prefixed(one.stored, "B"),
                one.how,
            )  # fmt: skip
        for method, reason in self.refused.items():
            table.add_row(method, "–", "–", "–", "–", reason, style="dim")
        yield table


def advise(results: Sequence[CellResult], tasks: Sequence[str], limit: Amount, storage: float) -> list[Advised]:
    """Advice from the records of these tasks, for each suite and backbone that they have, within limits for one task.

    Raises UserError when the records do not support any: too few methods, no task that all finished, nothing that fits.
    """
    asked = [result for result in results if result.task in set(tasks)]
    found = [grid for grid in grids(asked) if len(grid.compared) >= ENOUGH and grid.common]
    if not found:
        raise UserError(
            f"not enough records: advice takes a task that {ENOUGH} methods have finished, and these are on "
            f"{counted(len({result.task for result in asked if result.stage == 'final'}), 'task')}; run more of them"
        )
    return [advised(grid, of_grid(grid, asked), limit, storage) for grid in found]


def advised(grid: Grid, found: Sequence[Study], limit: Amount, storage: float) -> Advised:
    offers, refused = [], {}
    for method in grid.compared:
        offer = within_limits(grid, [one for one in found if one.method == method], method, limit, storage)
        if isinstance(offer, Offer):
            offers.append(offer)
        else:
            refused[method] = offer
    offers.sort(key=lambda one: -one.accuracy)
    return Advised(grid, tuple(offers), refused, tuple(told(grid, offers, limit, storage)))


def within_limits(grid: Grid, found: Sequence[Study], method: str, limit: Amount, storage: float) -> Offer | str:
    """A method as it was recorded, or as its tuning would have been had it stopped in time; else why neither fits."""
    stored = largest(grid, method)
    score = grid.mean(method, [list(grid.common)])
    if stored is None or score is None:
        return "its records lack a figure"
    if stored > storage:
        return f"stores {prefixed(stored, 'B')}"
    whole = cost_of(grid, method)
    if whole is None:
        return "its records lack a cost"
    cells = {task: grid.cells[method, task][-1] for task in grid.common}
    if whole.fits(limit):
        tuned = any(cell.tuning for cell in cells.values())
        params = {task: cell.params for task, cell in cells.items()}
        return Offer(method, score.mean, whole, stored, "tuned" if tuned else "its defaults", params, True)
    train = training(grid, method)
    if train is not None and train.fits(limit) and all(kept_its_default(cell) for cell in cells.values()):
        params = {task: cell.params for task, cell in cells.items()}
        return Offer(method, score.mean, train, stored, "its defaults, which tuning kept", params, True)
    stopped = stopped_early(grid, found, method, limit)
    if stopped is not None:
        return stopped
    return "takes " + (duration(whole.seconds) if whole.seconds > limit.seconds else prefixed(whole.flops, "FLOP"))


def cost_of(grid: Grid, method: str) -> Amount | None:
    """Training and tuning of a mean task; tuning counts nothing where there was none."""
    train = training(grid, method)
    tune = Amount(grid.cost(method, "tune_seconds") or 0.0, grid.cost(method, "tune_flops") or 0.0)
    return None if train is None else train + tune


def training(grid: Grid, method: str) -> Amount | None:
    """Training of a mean task alone."""
    seconds, flops = grid.cost(method, "train_seconds"), grid.cost(method, "train_flops")
    return None if seconds is None or flops is None else Amount(seconds, flops)


def kept_its_default(cell: CellResult) -> bool:
    """Whether no trial was better than the first, so that the same cell would have come without tuning."""
    return cell.tuning is not None and cell.tuning.chosen == 0


def stopped_early(grid: Grid, found: Sequence[Study], method: str, limit: Amount) -> Offer | None:
    """What the tuning of a method had found when the rest of the budget just did for the training."""
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
    """The trial that led when a search had spent so much; None before the first, or where a cost is not known."""
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


def told(grid: Grid, offers: Sequence[Offer], limit: Amount, storage: float) -> Iterator[str]:
    """The advice in sentences, the best offer first."""
    limits = [str(limit)] if str(limit) else []
    limits += [written(storage)] if storage != float("inf") else []
    place = f"{grid.suite} suite, backbone {grid.backbone}, {counted(len(grid.common), 'task')}"
    bounds = f" ({', '.join(limits)} a task)" if limits else ""
    if not offers:
        yield f"{place}{bounds}: not enough records; no recorded method keeps to these limits."
        return
    best = offers[0]
    yield f"{place}{bounds}: use {best.method}, {best.how}; mean accuracy {percent(best.accuracy)} %."
    yield from hyper_parameters(grid, best)
    others = [one.method for one in offers[1:] if one.recorded]
    if best.recorded:
        gap = partial(difference_interval, grid)
        gaps = {other: gap(best.method, other) for other in others}
        sure, why = certainty(grid, comparison(grid), best.method, gaps)
        yield f"How sure: {sure}. {why}"
    else:
        yield (
            "How sure: the figure is the replay of its tuning, one trial's test accuracy a task, for which there is no "
            "interval; run it within this budget to measure it."
        )


def hyper_parameters(grid: Grid, offer: Offer) -> Iterator[str]:
    """What to set, once where all tasks agree, else by task."""
    written = {task: json.dumps(dict(params), sort_keys=True) for task, params in offer.params.items()}
    if len(set(written.values())) == 1:
        yield f"Hyper-parameters: {spelled(next(iter(offer.params.values())))}."
        return
    chosen = offer.params.values()
    names = [name for name in next(iter(chosen)) if len({str(params.get(name)) for params in chosen}) > 1]
    yield f"Hyper-parameters that tuning chose differ by task in {listed(names)}; start your own tuning from them:"
    for task, params in offer.params.items():
        yield f"  {grid.label(task)}: {spelled({name: params.get(name) for name in names})}"


def spelled(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
    )
