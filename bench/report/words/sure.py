"""How sure the comparison is, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.numbers.evidence import SOURCES, comparison, difference_interval, samples
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, listed, p_value, points
from bench.statistics import ALPHA, Comparison, Friedman, Pair


def certainty(grid: Grid) -> Iterator[str]:
    """What intervals and tests say of the method with the highest mean, or why they cannot say it."""
    if len(grid.compared) < 2:
        return
    if not grid.common:
        yield "No task was finished by all methods, so nothing can be tested."
        return
    made, ranking = comparison(grid), by_mean(grid)
    yield from margin(grid, made.pair(*ranking[:2]))
    yield from uncovered(grid)
    if len(made.tasks) == 1:
        yield "One task does not show which method is better on others; that takes a test over several."
        return
    if made.friedman is not None and made.critical_difference is not None:
        yield ranked(made, made.friedman, made.critical_difference)
    yield duels(made, ranking[0])


def by_mean(grid: Grid) -> list[str]:
    """The compared methods by their mean over the common tasks, the highest first."""
    means = {method: grid.mean(method, [list(grid.common)]) for method in grid.compared}
    return sorted(means, key=lambda method: -score.mean if (score := means[method]) else 0.0)


def margin(grid: Grid, lead: Pair) -> Iterator[str]:
    """How sure the lead over the second method is on these tasks; nothing where no interval is known."""
    found = difference_interval(grid, lead.first, lead.second)
    if found is not None:
        over = listed([SOURCES[name] for name in found.covers])
        how = " (compared image by image)" if found.paired else " (as if of different images)"
        over += how if "images" in found.covers else ""
        doubt = "" if found.low > 0 else ", so either may be the better"
        yield (
            f"On these tasks {lead.first} minus {lead.second} is {points(lead.mean)} points. The 95 % interval over "
            f"{over} is {points(found.low)} to {points(found.high)}{doubt}."
        )


def uncovered(grid: Grid) -> Iterator[str]:
    """Which sources of chance the intervals leave out, and what would bring them in."""
    used = [found[task] for method in grid.compared for found in [samples(grid, method)] for task in grid.common]
    if any(sample.images is None for sample in used):
        yield (
            "Not all records count their test images, so no interval covers the choice of test images. Cells that are "
            "run again with --force count them."
        )
    if any(len(sample.accuracies) < 2 for sample in used):
        yield "No interval covers the choice of the seed. That takes two seeds or more for every cell: --seeds 0 1 2."


def ranked(made: Comparison, found: Friedman, apart: float) -> str:
    """Whether the average ranks differ by more than chance, and which methods rank clearly below the best."""
    low, high = made.ranks[made.methods[0]], made.ranks[made.methods[-1]]
    first, last = (listed([m for m in made.methods if made.ranks[m] == rank]) for rank in (low, high))
    clear = found.p <= ALPHA
    far = [method for method in made.methods if made.ranks[method] - low > apart]
    does = "rank" if " and " in first else "ranks"
    which = f" {first} {does} significantly better than {listed(far)} (Nemenyi, critical difference {apart:.1f})."
    return (
        f"Average ranks over the {counted(len(made.tasks), 'task')} go from {low:.1f} ({first}) to {high:.1f} ({last})."
        f" They {'differ' if clear else 'do not differ'} significantly (Friedman, p {p_value(found.p, '=')})."
        f"{which if clear and far else ''}"
    )


def duels(made: Comparison, first: str) -> str:
    """The methods that differ significantly from the leader over the tasks, or that the tasks are too few to tell."""
    tasks = counted(len(made.tasks), "task")
    holm = f"Wilcoxon, corrected by Holm for {counted(len(made.pairs), 'pair')}"
    if not made.can_settle:
        return (
            f"A test of pairs cannot settle anything over {tasks}: not even winning all of them would give a p under "
            f"{made.least_p:.2g} ({holm})."
        )
    others = [method for method in made.methods if method != first]
    apart = [method for method in others if made.differ(first, method)]
    alike = [f"{m} (p {p_value(made.pair(first, m).p_holm, '=')})" for m in others if m not in apart]
    told = [f"differs significantly from {listed(apart)}"] if apart else []
    told += [f"does not differ significantly from {listed(alike)}"] if alike else []
    return f"Over the {tasks}, {first} {', and '.join(told)} ({holm})."
