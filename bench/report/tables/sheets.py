"""The tables of the page: methods down, figures across, each with the number by which it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from bench.report.numbers.evidence import mean_interval
from bench.report.numbers.grid import Grid, Score
from bench.report.numbers.units import MISSING, counted, percent
from bench.report.tables.main import COSTS, Table
from bench.statistics import Comparison, Interval

MOST = 8  # figures beside each other, so that a table fits a printed page
FEW = 3  # groups whose means find room beside the costs


@dataclass(frozen=True)
class Figure:
    """One place of a sheet."""

    text: str
    value: float | None = None  # to sort by
    best: bool = False
    note: str = ""  # below it, smaller


@dataclass(frozen=True)
class Sheet:
    """A table whose rows can be sorted by any column; `rising` is the order that a column begins with."""

    title: str
    columns: tuple[tuple[str, bool], ...]  # name, and whether small is good
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]  # label, and a figure a column


def sheets(grid: Grid, compared: Comparison) -> Iterator[Sheet]:
    """Means and costs, then every task, of each group together, at most MOST beside each other."""
    yield main_sheet(grid, compared)
    if len(groups := grid.by_group(grid.common)) > FEW:
        for start in range(0, len(groups), MOST):
            some = list(groups.items())[start : start + MOST]
            columns = [[grid.mean(method, [tasks]) for method in grid.methods] for _, tasks in some]
            names = tuple((f"{group} ({len(tasks)})", False) for group, tasks in some)
            yield sheet("Means of groups (tasks)", grid.methods, names, map(accuracies, columns))
    for group, tasks in grid.by_group(grid.tasks).items():
        for start in range(0, len(tasks), MOST):
            part = tasks[start : start + MOST]
            columns = [[grid.score(method, task) for method in grid.methods] for task in part]
            more = f", from the {start + 1}th" if start else ""
            names = tuple((grid.label(task), False) for task in part)
            yield sheet(f"{group}, {counted(len(tasks), 'task')}{more}", grid.methods, names, map(accuracies, columns))


def main_sheet(grid: Grid, compared: Comparison) -> Sheet:
    """The mean with its interval, average rank, the mean of each group, and what adapting to a task costs."""
    everything = [list(grid.common)]
    intervals = [mean_interval(grid, method, everything) for method in grid.methods]
    groups = grid.by_group(grid.common)
    parts = {f"mean of {counted(len(grid.common), 'task')}": everything}
    if len(groups) > 1:
        parts |= {f"mean of {len(groups)} groups": list(groups.values())}
    if 1 < len(groups) <= FEW:
        parts |= {f"{group} ({len(tasks)})": [tasks] for group, tasks in groups.items()}
    columns = [((name, False), accuracies([grid.mean(m, part) for m in grid.methods])) for name, part in parts.items()]
    columns[0] = (columns[0][0], [noted(*pair) for pair in zip(columns[0][1], intervals, strict=True)])
    if compared.ranks and len(compared.methods) > 1:
        ranks = [compared.ranks.get(method) for method in grid.methods]
        columns.insert(1, (("average rank", True), [plain(rank, "{:.2f}".format) for rank in ranks]))
    for label, field, write in COSTS:
        costs = [grid.cost(method, field) for method in grid.methods]
        if field != "stored_params" and any(cost is not None for cost in costs):  # bytes tell the same
            columns.append(((label, True), [plain(cost, write) for cost in costs]))
    names, figures = zip(*columns, strict=True)
    return sheet("Means and costs of a task", grid.methods, names, figures)


def sheet(
    title: str, methods: Sequence[str], columns: tuple[tuple[str, bool], ...], figures: Iterable[Sequence[Figure]]
) -> Sheet:
    """A sheet from its columns."""
    rows = zip(*figures, strict=True)
    return Sheet(title, columns, tuple((method, tuple(row)) for method, row in zip(methods, rows, strict=True)))


def accuracies(scores: Sequence[Score | None]) -> list[Figure]:
    """In percent; what is printed highest is best, a lone figure is not."""
    shown = [round(1000 * score.mean) if score else None for score in scores]
    known = [value for value in shown if value is not None]
    best = max(known) if len(known) > 1 else None
    texts = [percent(score.mean, score.std) if score else MISSING for score in scores]
    values = [score.mean if score else None for score in scores]
    marked = [at is not None and at == best for at in shown]
    return [Figure(*parts) for parts in zip(texts, values, marked, strict=True)]


def noted(figure: Figure, interval: Interval | None) -> Figure:
    note = f"{percent(interval.low)} to {percent(interval.high)}" if interval else ""
    return Figure(figure.text, figure.value, figure.best, note)


def plain(value: float | None, write: Callable[[float | None], str]) -> Figure:
    return Figure(write(value), value) if value is not None and isfinite(value) else Figure(MISSING)


def blocks(table: Table, most: int = MOST) -> Iterator[tuple[int, int]]:
    """Ranges of a table's columns that fit beside each other."""
    for start in range(0, len(table.columns), most):
        yield start, min(start + most, len(table.columns))
