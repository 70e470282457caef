"""How sure the comparison is: intervals, medians, wins and tests as a table, and what they allow to be said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from bench.report.evidence import comparison, difference_interval, mean_interval, samples
from bench.report.grid import Grid
from bench.report.tables import FULL, LINEAR, Row, Section, Table, Value, title
from bench.report.units import MISSING, counted, listed, percent, points
from bench.statistics import ALPHA, Comparison, Friedman, Interval, Pair, spread

AGAINST = (LINEAR, FULL)  # the methods that wins and losses are counted against
SOURCES = {"images": "test images", "seeds": "seeds"}
NOTE = "win / tie / loss: tasks on which a method is printed higher than, like and lower than the other"
TEST = "p: Wilcoxon's signed-rank test over the tasks, corrected by Holm for all pairs of methods"


def certainty_table(grid: Grid) -> Table | None:
    """Intervals of the means, means of the medians, and every method against the usual ones; None for a lone method."""
    if len(grid.compared) < 2 or not grid.common:
        return None
    made = comparison(grid)
    sections = [Section(f"{name}, %", mean_rows(grid, parts)) for name, parts in both_means(grid).items()]
    others = [other for other in AGAINST if other in grid.compared and len(made.tasks) > 1]
    sections += [Section(f"against {other}", duel_rows(grid, made, other)) for other in others]
    kept = tuple(section for section in sections if section.rows)
    notes = (coverage(grid), NOTE if others else "", TEST if others and made.can_settle else "")
    return Table(title(grid, "How sure"), grid.methods, kept, "; ".join(filter(None, notes))) if kept else None


def both_means(grid: Grid) -> dict[str, list[list[str]]]:
    """The mean of the tasks and, where there are several groups, the mean of their means, by their names."""
    groups = list(grid.by_group(grid.common).values())
    found = {f"mean of {counted(len(grid.common), 'task')}": [list(grid.common)]}
    return found | ({f"mean of {len(groups)} groups": groups} if len(groups) > 1 else {})


def mean_rows(grid: Grid, parts: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """The interval where the records allow one, and the mean of the medians where there are several seeds."""
    intervals = [mean_interval(grid, method, parts) if method in grid.compared else None for method in grid.methods]
    rows = [("95 % interval", [bounds(found) for found in intervals])] if any(intervals) else []
    if len(grid.seeds) > 1:
        rows.append(("mean of the medians", [percent(median(grid, method, parts)) for method in grid.methods]))
    return tuple(Row(label, tuple(map(Value, texts))) for label, texts in rows)


def median(grid: Grid, method: str, parts: Sequence[Sequence[str]]) -> float | None:
    """As `Grid.mean`, of the medians over the seeds, as Head2Toe reports its figures."""
    found = {task: list(grid.accuracies(method, task).values()) for part in parts for task in part}
    if not all(found.values()):
        return None
    return fmean(fmean(spread(found[task]).median for task in part) for part in parts)


def duel_rows(grid: Grid, made: Comparison, other: str) -> tuple[Row, ...]:
    """Wins, ties and losses of every method against one of them, and p where tests can settle anything."""

    def row(label: str, tell: Callable[[str], str]) -> Row:
        told = {method: tell(method) for method in grid.compared if method != other}
        return Row(label, tuple(Value(told.get(method, MISSING)) for method in grid.methods))

    def duel(method: str) -> str:
        pair = made.pair(method, other)
        return f"{pair.wins} / {pair.ties} / {pair.losses}"

    rows = [row("win / tie / loss", duel)]
    if made.can_settle:
        rows.append(row("p", lambda method: p_value(made.pair(method, other).p_holm)))
    return tuple(rows)


def certainty(grid: Grid) -> Iterator[str]:
    """What intervals and tests say of the method with the highest mean; where they cannot say it, why not."""
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
    """How sure the lead over the method that comes second is, on these tasks."""
    found = difference_interval(grid, lead.first, lead.second)
    if found is not None:
        over = listed([SOURCES[name] for name in found.covers])
        how = " (compared image by image)" if found.paired else " (as if of different images)"
        over += how if "images" in found.covers else ""
        verdict = "" if found.low > 0 else ", so either may be the better"
        yield (
            f"On these tasks {lead.first} minus {lead.second} is {points(lead.mean)} points, with a 95 % interval over "
            f"{over} of {points(found.low)} to {points(found.high)}{verdict}."
        )


def uncovered(grid: Grid) -> Iterator[str]:
    """Which chance the intervals leave out, and what would mend that."""
    used = [found[task] for method in grid.compared for found in [samples(grid, method)] for task in grid.common]
    if any(sample.images is None for sample in used):
        yield (
            "Not all records say on how many images they were tested, so no interval covers the choice of test images; "
            "cells that are run anew (--force) say it."
        )
    if any(len(sample.accuracies) < 2 for sample in used):
        yield "No interval covers the choice of the seed; that takes two seeds or more of every cell (--seeds 0 1 2)."


def coverage(grid: Grid) -> str:
    """What the intervals of the means cover, every one of them; empty where there are none."""
    found = [mean_interval(grid, method, [list(grid.common)]) for method in grid.compared]
    covers = [set(one.covers) for one in found if one]
    shared = [name for key, name in SOURCES.items() if covers and all(key in one for one in covers)]
    return f"95 % intervals over {listed(shared)}, for these tasks" if shared else ""


def ranked(made: Comparison, found: Friedman, apart: float) -> str:
    """Whether the average ranks differ by more than chance, and where they do, from which the best one's does."""
    low, high = made.ranks[made.methods[0]], made.ranks[made.methods[-1]]
    first, last = (listed([m for m in made.methods if made.ranks[m] == rank]) for rank in (low, high))
    clear = found.p <= ALPHA
    far = [method for method in made.methods if made.ranks[method] - low > apart]
    does = "rank" if " and " in first else "ranks"
    which = f"; {first} {does} significantly better than {listed(far)} (Nemenyi, critical difference {apart:.1f})"
    return (
        f"Average ranks over the {counted(len(made.tasks), 'task')}, from {low:.1f} ({first}) to "
        f"{high:.1f} ({last}), {'differ' if clear else 'do not differ significantly'} (Friedman, p "
        f"{p_value(found.p, '=')}){which if clear and far else ''}."
    )


def duels(made: Comparison, first: str) -> str:
    """Which methods the leading one is told apart from over the tasks, or that these are too few to tell."""
    tasks, holm = (
        counted(len(made.tasks), "task"),
        f"Wilcoxon, corrected by Holm for {counted(len(made.pairs), 'pair')}",
    )
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


def bounds(found: Interval | None) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}" if found else MISSING


def p_value(p: float, sign: str = "") -> str:
    """`0.031` or `< 0.001`; with a sign before the first, `= 0.031`."""
    return "< 0.001" if p < 0.001 else f"{sign} {p:.2g}".strip()
