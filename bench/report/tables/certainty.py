"""The table of how sure the comparison is: intervals, medians, wins and losses, and tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from bench.report.numbers.evidence import SOURCES, comparison, mean_interval
from bench.report.numbers.gains import FULL, LINEAR
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import MISSING, listed, p_value, percent
from bench.report.tables.main import mean_parts, title
from bench.report.tables.table import Row, Table, numbers_row, table
from bench.statistics import Comparison, Interval, spread

AGAINST = (LINEAR, FULL)  # the methods that wins and losses are counted against
NOTE = "win / tie / loss: tasks on which a method's accuracy as printed is higher than, equal to and below the other's"
TEST = "p: Wilcoxon's signed-rank test over the tasks, corrected by Holm for all pairs of methods"


def certainty_table(grid: Grid) -> Table | None:
    """Intervals of the means, means of the medians, and every method against the usual ones.

    None for a lone method, and where the records allow none of these.
    """
    if len(grid.compared) < 2 or not grid.common:
        return None
    made = comparison(grid)
    others = [other for other in AGAINST if other in grid.compared and len(made.tasks) > 1]
    rows = {
        (f"{name}, %", label): row for name, parts in mean_parts(grid).items() for label, row in of_mean(grid, parts)
    } | {(f"against {other}", label): row for other in others for label, row in duel(grid, made, other)}
    notes = (coverage(grid), NOTE if others else "", TEST if others and made.can_settle else "")
    return table(title(grid, "How sure"), grid.methods, rows, "; ".join(filter(None, notes))) if rows else None


def of_mean(grid: Grid, parts: Sequence[Sequence[str]]) -> list[tuple[str, Row]]:
    """The interval where the records allow one, and the mean of the medians where there are several seeds."""
    found = {method: mean_interval(grid, method, parts) if method in grid.compared else None for method in grid.methods}
    rows = (
        [("95 % interval", Row({method: bounds(one) for method, one in found.items()}))] if any(found.values()) else []
    )
    if len(grid.seeds) > 1:
        medians = {method: median(grid, method, parts) for method in grid.methods}
        rows.append(("mean of the medians", numbers_row(medians, percent)))
    return rows


def median(grid: Grid, method: str, parts: Sequence[Sequence[str]]) -> float | None:
    """The mean as `Grid.mean` takes it, of the medians over the seeds. Head2Toe reports its figures so."""
    found = {task: list(grid.accuracies(method, task).values()) for part in parts for task in part}
    if not all(found.values()):
        return None
    return fmean(fmean(spread(found[task]).median for task in part) for part in parts)


def duel(grid: Grid, made: Comparison, other: str) -> list[tuple[str, Row]]:
    """Wins, ties and losses of every method against one of them, and p where tests can settle anything."""

    def row(tell: Callable[[str], str]) -> Row:
        """A text for each other method."""
        rivals = [method for method in grid.compared if method != other]
        return Row({method: tell(method) if method in rivals else MISSING for method in grid.methods})

    def score(method: str) -> str:
        """`7 / 0 / 2`."""
        pair = made.pair(method, other)
        return f"{pair.wins} / {pair.ties} / {pair.losses}"

    rows = [("win / tie / loss", row(score))]
    if made.can_settle:
        rows.append(("p", row(lambda method: p_value(made.pair(method, other).p_holm))))
    return rows


def coverage(grid: Grid) -> str:
    """What all the intervals of the means cover; empty where there are none."""
    found = [mean_interval(grid, method, [list(grid.common)]) for method in grid.compared]
    covers = [set(one.covers) for one in found if one]
    shared = [name for key, name in SOURCES.items() if covers and all(key in one for one in covers)]
    return f"95 % intervals over {listed(shared)}, for these tasks" if shared else ""


def bounds(found: Interval | None) -> str:
    """An interval in percent: `78.9 to 80.3`."""
    return f"{percent(found.low)} to {percent(found.high)}" if found else MISSING
