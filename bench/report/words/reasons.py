"""The reasons behind the verdict, in full: intervals, tests, and what they leave open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.report.numbers.evidence import SOURCES, difference_interval, mean_interval
from bench.report.numbers.gains import FULL, SCRATCH, means
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import listed, percent, points, ratio
from bench.report.words.choices import cost_field, flops_named
from bench.report.words.findings import best_by_groups, tasks_of
from bench.report.words.limits import Advice, ahead, beyond, spelled
from bench.report.words.sure import by_mean
from bench.statistics import Comparison, Interval

MEGABYTE = 1e6
NEARLY = 0.90  # a cheaper method is worth a sentence from this share of the reference's accuracy on
CHEAPER = 0.5  # and up to this share of its FLOPs of training and tuning


@dataclass(frozen=True)
class Bargain:
    """A cheap method that is nearly as accurate as the reference. The last three fields are written as ratios."""

    method: str
    reference: str
    accuracy: str
    flops: str
    stored: str | None  # None where a size is not known
    work: str  # how these FLOPs are called

    def sentence(self, gap: str = "", test: str = "") -> str:
        """`head2toe reaches 97 % of fine_tune's accuracy at 1/140 of its training FLOPs.`, with more where given."""
        stored = f" and {self.stored} of its stored bytes" if self.stored else ""
        return (
            f"{self.method} reaches {self.accuracy} of {self.reference}'s accuracy{gap} at {self.flops} of its "
            f"{self.work}{stored}{test}."
        )


def reasons(grid: Grid, compared: Comparison, steps: list[Advice]) -> list[str]:
    """Why the verdict is what it is; empty where there is nothing to compare."""
    if len(grid.compared) < 2 or not grid.common:
        return []
    return [*leader(grid, compared), *thrift(grid, compared), *small(steps)]


def leader(grid: Grid, compared: Comparison) -> Iterator[str]:
    """The method with the highest mean, and the methods that may be as good."""
    best, *others = by_mean(grid)
    interval = within(mean_interval(grid, best, [list(grid.common)]))
    mean = percent(means(grid)[best].mean)
    yield (
        f"{best} has the highest mean accuracy over {tasks_of(grid)}, {mean} %{interval}. "
        f"{doubt(grid, best, others)} {beyond(compared, best, others)}"
    )
    groups = best_by_groups(grid)
    if groups and best not in groups[0]:
        yield f"By the mean of the group means {of_groups(grid, best, *groups)}."


def of_groups(grid: Grid, best: str, leading: list[str], mean: float) -> str:
    """The leader by the mean of the group means, and its distance from the leader by the mean of the tasks."""
    parts = list(grid.by_group(grid.common).values())
    found = difference_interval(grid, leading[0], best, parts)
    lead = f" ({leading[0]} minus {best}: 95 % interval {spelled(found)})" if found else ""
    return f"{listed(leading)} {'leads' if len(leading) == 1 else 'lead'}, {percent(mean)} %{lead}"


def doubt(grid: Grid, best: str, others: list[str]) -> str:
    """Whether the lead may be chance on these tasks, by the intervals."""
    gaps = {other: difference_interval(grid, best, other) for other in others}
    known = {other: gap for other, gap in gaps.items() if gap is not None}
    if len(known) < len(gaps):
        return "How much of its lead is chance cannot be told from these seeds, without counts of test images."
    level = [other for other, gap in known.items() if not ahead(gap)]
    sources = listed([name for key, name in SOURCES.items() if all(key in gap.covers for gap in known.values())])
    if level:
        return f"On these tasks {listed(level)} may be as good: the lead is within the 95 % interval over {sources}."
    nearest = min(known, key=lambda other: known[other].low)
    more = ", and of every other" if len(known) > 1 else ""
    return f"On these tasks it is ahead of {nearest} by {spelled(known[nearest])} (95 % interval over {sources}){more}."


def bargain(grid: Grid) -> Bargain | None:
    """The most accurate of the cheap methods that come near the reference: fine-tuning, else the most accurate method.

    None where no method is that near and that cheap.
    """
    scores, flops = means(grid), {method: grid.cost(method, cost_field(grid, "flops")) for method in grid.compared}
    reference = FULL if FULL in scores else max(scores, key=lambda method: scores[method].mean)
    whole, top = flops[reference], scores[reference].mean
    if not whole or top <= 0:
        return None
    near = {
        method: own / whole
        for method, score in scores.items()
        if method not in (reference, SCRATCH)
        and score.mean >= NEARLY * top
        and (own := flops[method]) is not None
        and own <= CHEAPER * whole
    }
    if not near:
        return None
    cheap = max(near, key=lambda method: scores[method].mean)
    kept, most = grid.cost(cheap, "stored_bytes"), grid.cost(reference, "stored_bytes")
    share = f"{100 * scores[cheap].mean / top:.0f} %"
    stored = ratio(kept / most) if kept and most else None
    spent = ratio(near[cheap]) if near[cheap] else "none"
    return Bargain(cheap, reference, share, spent, stored, flops_named(grid))


def thrift(grid: Grid, compared: Comparison) -> Iterator[str]:
    """The bargain with its distance from the reference, and what the test over the tasks says of the two."""
    found = bargain(grid)
    if found is None:
        return
    interval = difference_interval(grid, found.method, found.reference)
    between = f", 95 % interval {points(interval.low)} to {points(interval.high)}" if interval else ""
    scores = means(grid)
    gap = f" ({points(scores[found.method].mean - scores[found.reference].mean)} points{between})"
    differ = "differ" if compared.differ(found.method, found.reference) else "do not differ"
    yield found.sentence(gap, f"; over the tasks they {differ} significantly" if compared.can_settle else "")


def within_megabyte(steps: list[Advice]) -> Advice | None:
    """The last step that keeps to one megabyte; None where no method does."""
    return next((step for step in reversed(steps) if step.limit <= MEGABYTE), None)


def small(steps: list[Advice]) -> Iterator[str]:
    """The most accurate method within one megabyte a task, and how sure that is."""
    step = within_megabyte(steps)
    if step:
        yield (
            f"Within 1 MB a task, {step.method} is the most accurate, {percent(step.score.mean)} %"
            f"{within(step.interval)}. How sure is that? {step.sure.capitalize()}. {step.why}"
        )


def within(interval: Interval | None) -> str:
    """` (95 % interval 91.0 to 93.1)`; empty without an interval."""
    return f" (95 % interval {percent(interval.low)} to {percent(interval.high)})" if interval else ""
