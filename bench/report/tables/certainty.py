"""How sure the comparison is: intervals, medians, wins and tests as a table, and what they allow to be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from bench.report.numbers.evidence import SOURCES, comparison, mean_interval
from bench.report.numbers.gains import FULL, LINEAR
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import MISSING, counted, listed, p_value, percent
from bench.report.tables.main import Row, Section, Table, Value, title
from bench.statistics import Comparison, Interval, spread

AGAINST = (LINEAR, FULL)  # the methods that wins and losses are counted against
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


def coverage(grid: Grid) -> str:
    """What the intervals of the means cover, every one of them; empty where there are none."""
    found = [mean_interval(grid, method, [list(grid.common)]) for method in grid.compared]
    covers = [set(one.covers) for one in found if one]
    shared = [name for key, name in SOURCES.items() if covers and all(key in one for one in covers)]
    return f"95 % intervals over {listed(shared)}, for these tasks" if shared else ""


def bounds(found: Interval | None) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}" if found else MISSING
