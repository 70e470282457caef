"""Which method to use within a storage limit, and how sure that choice is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from bench.report.numbers.evidence import SOURCES, difference_interval, mean_interval
from bench.report.numbers.grid import Grid, Score, finite
from bench.report.numbers.units import counted, listed, points, prefixed
from bench.statistics import PRINTED, Comparison, Interval

SMALLEST, LARGEST = 4, 10  # decimal logarithms of the limits in bytes: 10 kB to 10 GB


@dataclass(frozen=True)
class Advice:
    """The most accurate method among those that store no more than `limit` bytes on every common task."""

    limit: float  # bytes, infinite for none
    method: str
    score: Score
    interval: Interval | None
    stored: float  # bytes, the most on any common task
    sure: str  # a few words
    why: str  # sentences


def advice(grid: Grid, compared: Comparison) -> list[Advice]:
    """A step for each power of ten. The first is the smallest that any method keeps to; the last has no limit."""
    stored = {method: most for method in grid.compared if (most := largest(grid, method)) is not None}
    scores = {m: score for m in stored if (score := grid.mean(m, [list(grid.common)])) is not None}
    unknown = [method for method in grid.compared if method not in scores] if grid.common else []
    lacking = f" How much {listed(unknown)} would store is not known." if unknown else ""
    gap = cache(partial(difference_interval, grid))  # a best method stays best over several steps
    found: list[Advice] = []
    for limit in (*(10.0**power for power in range(SMALLEST, LARGEST + 1)), float("inf")):
        fitting = [method for method in scores if stored[method] <= limit]
        if fitting:
            best = max(fitting, key=lambda method: scores[method].mean)
            gaps = {other: gap(best, other) for other in fitting if other != best}
            sure, why = how_sure(grid, compared, best, gaps)
            interval = mean_interval(grid, best, [list(grid.common)])
            found.append(Advice(limit, best, scores[best], interval, stored[best], sure, why + lacking))
        if len(fitting) == len(scores):
            break
    return found


def largest(grid: Grid, method: str) -> float | None:
    """The most bytes that a method stores for any common task; None where a size is missing."""
    cells = [cell for task in grid.common for cell in grid.cells.get((method, task), ())]
    sizes = [cell.cost.stored_bytes for cell in cells]
    return float(max(size for size in sizes if size is not None)) if sizes and all(map(finite, sizes)) else None


def how_sure(grid: Grid, compared: Comparison, best: str, gaps: Mapping[str, Interval | None]) -> tuple[str, str]:
    """How sure it is that `best` is more accurate than the others, in a few words, and why, in sentences.

    `gaps` holds an interval for each other method that fits: the mean of `best` minus the mean of the other.
    """
    if not gaps:
        return "no rival", "No other method fits."
    told = beyond(compared, best, list(gaps))
    known = {other: gap for other, gap in gaps.items() if gap is not None}
    if len(known) < len(gaps):
        return "not known", f"{chance_unknown(grid)} {told}"
    left_out = [name for key, name in SOURCES.items() if not all(key in gap.covers for gap in known.values())]
    if left_out:
        told += f" The intervals leave out the choice of {listed(left_out)}."
    level = [other for other, gap in known.items() if not ahead(gap)]
    if level:
        lead = f": the 95 % interval of the lead is {spelled(known[level[0]])}" if len(level) == 1 else ""
        return "open", f"{listed(level)} may be as good{lead}. {told}"
    nearest = min(known, key=lambda other: known[other].low)
    more = ", and of every other that fits" if len(known) > 1 else ""
    why = f"It is ahead of {nearest} by {spelled(known[nearest])} (95 % interval){more}. {told}"
    if compared.can_settle and all(compared.differ(best, other) for other in known):
        return "sure", why
    return ("likely on these tasks" if left_out else "sure on these tasks"), why


def ahead(gap: Interval) -> bool:
    """Whether the lower end of a lead is printed above zero."""
    return round(gap.low, PRINTED) > 0


def spelled(gap: Interval) -> str:
    """`+0.3 to +1.4 points`."""
    return f"{points(gap.low)} to {points(gap.high)} points"


def beyond(compared: Comparison, best: str, others: Sequence[str]) -> str:
    """What the tests say about other tasks. They take the tasks as a sample of such tasks."""
    tasks = counted(len(compared.tasks), "task")
    if not compared.can_settle:
        verb = "is" if len(compared.tasks) == 1 else "are"
        methods = counted(len(compared.methods), "method")
        return f"Other tasks are open: {tasks} {verb} too few for a test between {methods}."
    alike = [other for other in others if not compared.differ(best, other)]
    if not alike:
        return f"It differs significantly over the {tasks}, so other tasks like these should agree."
    verb = "does" if len(alike) == 1 else "do"
    return f"Other tasks are open: over the {tasks}, {listed(alike)} {verb} not differ significantly from it."


def chance_unknown(grid: Grid) -> str:
    """Why chance cannot be measured: there is neither a count of test images nor a second seed for every figure."""
    if len(grid.seeds) == 1:
        return "With one seed, and records that do not count test images, chance cannot be measured."
    return "Some figures rest on one seed, and some records do not count test images, so chance cannot be measured."


def written(limit: float) -> str:
    """`within 1 MB`, or `without a limit`."""
    return f"within {prefixed(limit, 'B')}" if finite(limit) else "without a limit"
