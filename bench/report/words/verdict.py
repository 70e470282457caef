"""The verdict of a comparison: at most three short sentences. `bench.report.words.reasons` holds the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.report.numbers.evidence import difference_interval
from bench.report.numbers.gains import means
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import listed, percent
from bench.report.words.findings import best_by_groups, tasks_of
from bench.report.words.limits import Advice, ahead, how_sure
from bench.report.words.reasons import bargain, within_megabyte
from bench.report.words.sure import by_mean
from bench.statistics import Comparison

NAMED = 3  # rivals
SURE = {  # what follows the leader's mean, by how sure its lead is
    "sure": "its lead is significant, so other tasks like these should agree",
    "sure on these tasks": "its lead is sure on these tasks and open on others",
    "likely on these tasks": "its lead is likely on these tasks and open on others",
    "not known": "how much of its lead is chance is not known",
}


def verdict(grid: Grid, compared: Comparison, steps: list[Advice]) -> list[str]:
    """The most accurate method, a cheap one that is nearly as accurate, and what to use within one megabyte a task.

    No sentence claims more than the intervals and tests do.
    """
    if len(grid.compared) < 2:
        return [f"Only {listed(list(grid.compared))} has results, so there is nothing to compare it with."]
    if not grid.common:
        return ["No task was finished by all methods, so there is no mean to compare; the table shows what there is."]
    cheap = bargain(grid)
    return [leading(grid, compared), *([cheap.sentence()] if cheap else []), *small(steps, by_mean(grid)[0])]


def leading(grid: Grid, compared: Comparison) -> str:
    """The method with the highest mean, and how sure its lead is."""
    best, *others = by_mean(grid)
    gap = partial(difference_interval, grid, best)
    gaps = {other: gap(other) for other in others}
    sure, _ = how_sure(grid, compared, best, gaps)
    level = [other for other, found in gaps.items() if found and not ahead(found)]
    tail = SURE.get(sure) or f"{listed(level, NAMED)} may be as good"
    mean = percent(means(grid)[best].mean)
    return f"{best} has the highest mean accuracy over {tasks_of(grid)}, {mean} %{other_mean(grid, best)}; {tail}."


def other_mean(grid: Grid, best: str) -> str:
    """` (by the group means: fine_tune, 89.1 %)` where that mean has another leader."""
    groups = best_by_groups(grid)
    if not groups or best in groups[0]:
        return ""
    return f" (by the group means: {listed(groups[0], NAMED)}, {percent(groups[1])} %)"


def small(steps: list[Advice], best: str) -> Iterator[str]:
    """What to use within one megabyte a task."""
    step = within_megabyte(steps)
    if step and step.method == best:
        yield f"{best} also keeps within 1 MB a task."
    elif step:
        yield f"Within 1 MB a task, use {step.method}: {percent(step.score.mean)} %; how sure: {step.sure}."
    elif steps:
        yield f"No method keeps within 1 MB a task; the smallest is {min(steps, key=lambda s: s.stored).method}."
