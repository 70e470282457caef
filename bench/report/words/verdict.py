"""The verdict of a comparison: two or three sentences, no stronger than the statistics allow."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.numbers.evidence import SOURCES, difference_interval, mean_interval
from bench.report.numbers.gains import FULL, SCRATCH, means
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import listed, percent, points, ratio
from bench.report.words.findings import best_by_groups, tasks_of
from bench.report.words.limits import Advice, ahead, beyond, spelled
from bench.statistics import Comparison, Interval

MEGABYTE = 1e6
NEARLY = 0.90  # of the reference's accuracy: what a cheaper method must reach to be worth a sentence
CHEAPER = 0.5  # of the reference's FLOPs: what it must not exceed


def verdict(grid: Grid, compared: Comparison, steps: list[Advice]) -> list[str]:
    """Who is most accurate, who comes near at a fraction of the cost, and what fits into a megabyte."""
    if len(grid.compared) < 2:
        return [f"Only {listed(list(grid.compared))} has results, so there is nothing to compare it with."]
    if not grid.common:
        return ["No task was finished by all methods, so there is no mean to compare; the table shows what there is."]
    return [*leader(grid, compared), *thrift(grid, compared), *small(steps)]


def leader(grid: Grid, compared: Comparison) -> Iterator[str]:
    """The highest mean, and which methods it cannot be told from."""
    scores = means(grid)
    ranking = sorted(scores, key=lambda method: -scores[method].mean)
    if len(ranking) < 2:
        return
    best, others = ranking[0], ranking[1:]
    interval = within(mean_interval(grid, best, [list(grid.common)]))
    yield f"{best} has the highest mean accuracy over {tasks_of(grid)}, {percent(scores[best].mean)} %{interval}; " + (
        doubt(grid, compared, best, others)
    )
    groups = best_by_groups(grid)
    if groups and best not in groups[0]:
        yield f"By the mean of the group means {of_groups(grid, best, *groups)}."


def of_groups(grid: Grid, best: str, leading: list[str], mean: float) -> str:
    """Who leads by the other mean, and how far from the method that leads by the mean of the tasks."""
    parts = list(grid.by_group(grid.common).values())
    found = difference_interval(grid, leading[0], best, parts)
    lead = f" ({leading[0]} minus {best}: 95 % interval {spelled(found)})" if found else ""
    return f"{listed(leading)} {'leads' if len(leading) == 1 else 'lead'}, {percent(mean)} %{lead}"


def doubt(grid: Grid, compared: Comparison, best: str, others: list[str]) -> str:
    """What the statistics say of the leader: on these tasks by intervals, on tasks like them by tests."""
    gaps = {other: difference_interval(grid, best, other) for other in others}
    known = {other: gap for other, gap in gaps.items() if gap is not None}
    level = [other for other, gap in known.items() if not ahead(gap)]
    sources = listed([name for key, name in SOURCES.items() if all(key in gap.covers for gap in known.values())])
    if len(known) < len(gaps):
        here = "how much of that is chance cannot be told from these seeds and records without counts of test images"
    elif level:
        here = f"on these tasks {listed(level)} may be as good, the lead being within the 95 % interval over {sources}"
    else:
        nearest = min(known, key=lambda other: known[other].low)
        others_too = ", and of every other" if len(known) > 1 else ""
        lead = f"by {spelled(known[nearest])} (95 % interval over {sources}){others_too}"
        here = f"on these tasks it is ahead of {nearest} {lead}"
    return f"{here}. {beyond(compared, best, others)}"


def thrift(grid: Grid, compared: Comparison) -> Iterator[str]:
    """The most accurate of the cheap methods that come near to fine-tuning, or else to the most accurate of all."""
    scores, flops = means(grid), {m: grid.cost(m, "train_flops") for m in grid.compared}
    reference = FULL if FULL in scores else max(scores, key=lambda method: scores[method].mean)
    whole, top = flops[reference], scores[reference].mean
    near = {
        method: spent
        for method, score in scores.items()
        if method not in (reference, SCRATCH)
        and top > 0
        and score.mean >= NEARLY * top
        and whole
        and (spent := flops[method]) is not None
        and spent <= CHEAPER * whole
    }
    if not near or not whole:
        return
    cheap = max(near, key=lambda method: scores[method].mean)
    bytes_of = [grid.cost(method, "stored_bytes") for method in (cheap, reference)]
    stored = f" and {ratio(bytes_of[0] / bytes_of[1])} of its stored bytes" if all(bytes_of) else ""  # type: ignore[operator]
    told = gap(difference_interval(grid, cheap, reference))
    test = ""
    if compared.can_settle:
        settled = compared.differ(cheap, reference)
        test = f"; over the tasks they {'differ' if settled else 'do not differ'} significantly"
    cost = ratio(near[cheap] / whole) if near[cheap] else "none"
    yield (
        f"{cheap} reaches {100 * scores[cheap].mean / top:.0f} % of {reference}'s accuracy "
        f"({points(scores[cheap].mean - top)} points{told}) at {cost} of its training FLOPs{stored}{test}."
    )


def small(steps: list[Advice]) -> Iterator[str]:
    """The step of one megabyte."""
    fitting = [step for step in steps if step.limit <= MEGABYTE]
    if fitting:
        step = fitting[-1]
        yield (
            f"Within 1 MB a task, {step.method} is the most accurate, {percent(step.score.mean)} %"
            f"{within(step.interval)}. How sure is that? {step.sure.capitalize()}. {step.why}"
        )
    elif steps:
        yield f"No method keeps within 1 MB a task; the smallest is {min(steps, key=lambda s: s.stored).method}."


def within(interval: Interval | None) -> str:
    """` (95 % interval 91.0 to 93.1)`."""
    return f" (95 % interval {percent(interval.low)} to {percent(interval.high)})" if interval else ""


def gap(interval: Interval | None) -> str:
    return f", 95 % interval {points(interval.low)} to {points(interval.high)}" if interval else ""
