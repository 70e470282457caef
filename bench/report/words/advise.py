"""Advice: which method the records support best within a budget and a storage limit, and what that rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from bench.costs.budget import Amount
from bench.records.cells import CellResult
from bench.records.studies import Study
from bench.report.numbers.evidence import comparison, difference_interval, mean_interval
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.searches import of_grid
from bench.report.numbers.together import labelled, together
from bench.report.numbers.units import MISSING, counted, duration, listed, percent, prefixed
from bench.report.words.limits import how_sure, written
from bench.report.words.offers import Offer, offer_of
from bench.spec import UserError

ENOUGH = 2  # methods that must have been compared


@dataclass(frozen=True)
class Advised:
    """The advice for one suite and backbone; a rich console prints it."""

    grid: Grid
    offers: tuple[Offer, ...]  # the best first
    refused: Mapping[str, str]  # method: why it does not fit
    sentences: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The sentences, then a table of all methods."""
        for sentence in self.sentences:
            yield Text(sentence)
        table = Table("method", "accuracy, %", "time", "FLOPs", "stored", "as", box=None)
        for one in self.offers:
            interval = mean_interval(self.grid, one.method, [list(self.grid.common)]) if one.recorded else None
            bounds = f" [{percent(interval.low)}, {percent(interval.high)}]" if interval else ""
            costs = duration(one.cost.seconds), prefixed(one.cost.flops), prefixed(one.stored, "B")
            table.add_row(one.method, percent(one.accuracy) + bounds, *costs, one.how)
        for method, reason in self.refused.items():
            table.add_row(method, *[MISSING] * 4, reason, style="dim")
        yield table


def advise(results: Sequence[CellResult], tasks: Sequence[str], limit: Amount, storage: float) -> list[Advised]:
    """Advice for each suite and backbone, then over all backbones of a suite. The limits are for one task.

    Raises UserError when the records are too few: fewer than two methods, or no task that all methods finished.
    """
    asked = [result for result in results if result.task in set(tasks)]
    found = [grid for grid in grids(asked) if len(grid.compared) >= ENOUGH and grid.common]
    if not found:
        finished = counted(len({result.task for result in asked if result.stage == "final"}), "task")
        raise UserError(
            f"not enough records: advice needs a task that {ENOUGH} methods have finished, and these records are on "
            f"{finished}; run more methods or tasks"
        )
    of_each = {id(grid): of_grid(grid, asked) for grid in found}
    parts = [advised(grid, of_each[id(grid)], limit, storage) for grid in found]
    for side in together(found):
        if side.grid.common:
            studies = [one for part in side.parts for one in labelled(of_each[id(part)], part)]
            parts.append(advised(side.grid, studies, limit, storage))
    return parts


def advised(grid: Grid, found: Sequence[Study], limit: Amount, storage: float) -> Advised:
    """The advice for one grid."""
    offers, refused = [], {}
    for method in grid.compared:
        offer = offer_of(grid, [one for one in found if one.method == method], method, limit, storage)
        if isinstance(offer, Offer):
            offers.append(offer)
        else:
            refused[method] = offer
    offers.sort(key=lambda one: -one.accuracy)
    return Advised(grid, tuple(offers), refused, tuple(told(grid, offers, limit, storage)))


def told(grid: Grid, offers: Sequence[Offer], limit: Amount, storage: float) -> Iterator[str]:
    """The advice in sentences: what to use, with which hyper-parameters, and how sure that is."""
    limits = [str(limit)] if str(limit) else []
    limits += [written(storage)] if storage != float("inf") else []
    place = f"{grid.about}, {counted(len(grid.common), 'task')}"
    bounds = f" ({', '.join(limits)} a task)" if limits else ""
    if not offers:
        yield f"{place}{bounds}: not enough records; no recorded method keeps to these limits."
        return
    best = offers[0]
    yield f"{place}{bounds}: use {best.method}, {best.how}; mean accuracy {percent(best.accuracy)} %."
    yield from hyper_parameters(grid, best)
    others = [one.method for one in offers[1:] if one.recorded]
    if best.recorded:
        gap = partial(difference_interval, grid, best.method)
        sure, why = how_sure(grid, comparison(grid), best.method, {other: gap(other) for other in others})
        yield f"How sure: {sure}. {why}"
    else:
        yield (
            "How sure: not known. The accuracy is the test accuracy of one trial a task, replayed from its tuning, and "
            "has no interval. Run it within this budget to measure it."
        )


def hyper_parameters(grid: Grid, offer: Offer) -> Iterator[str]:
    """The hyper-parameters, once where all tasks agree, otherwise those that differ by task."""
    if len({json.dumps(dict(params), sort_keys=True) for params in offer.params.values()}) == 1:
        yield f"Hyper-parameters: {spelled(next(iter(offer.params.values())))}."
        return
    chosen = offer.params.values()
    names = [name for name in next(iter(chosen)) if len({str(params.get(name)) for params in chosen}) > 1]
    yield f"Hyper-parameters that tuning chose differ by task in {listed(names)}; start your own tuning from them:"
    for task, params in offer.params.items():
        yield f"  {grid.label(task)}: {spelled({name: params.get(name) for name in names})}"


def spelled(params: Mapping[str, Any]) -> str:
    """`lr=0.01, steps=500`."""
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
    )
