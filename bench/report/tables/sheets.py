"""Tables with methods down and figures across: those of the page, and the overview that a terminal shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.report.numbers.evidence import mean_interval
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, percent
from bench.report.tables.main import COSTS, RANK, cost_rows, mean_parts, rank_row
from bench.report.tables.table import Row, Table, scores_row, table
from bench.report.words.choices import recipes
from bench.statistics import Comparison

MOST = 8  # figures beside each other, so that a table fits a printed page
FEW = 3  # groups whose means find room beside the costs
RISING = frozenset([RANK, *(label for label, _, _ in COSTS)])  # figures of which the small ones are good


def sheets(grid: Grid, compared: Comparison) -> Iterator[Table]:
    """Means and costs, then every task. Tasks of a group stand together, at most MOST beside each other."""
    means, groups = mean_rows(grid, compared), group_rows(grid)
    few = groups if len(groups) <= FEW else {}
    yield sheet(grid, f"Means and costs of a task, {recipes(grid)}", {**means, **few, **known_costs(grid)})
    if len(groups) > FEW:
        for _, part in cut(groups):
            yield sheet(grid, f"Means of groups (tasks), {recipes(grid)}", part)
    for group, tasks in grid.by_group(grid.tasks).items():
        for start, part in cut(task_rows(grid, tasks)):
            more = f", from the {start + 1}th" if start else ""
            yield sheet(grid, f"{group}, {counted(len(tasks), 'task')}{more}, {recipes(grid)}", part)


def sheet(grid: Grid, title: str, figures: Mapping[str, Row]) -> Table:
    """A table with a line for each method, from its columns."""
    return table(title, grid.methods, {("", name): row for name, row in figures.items()}).turned()


def cut(figures: Mapping[str, Row]) -> Iterator[tuple[int, dict[str, Row]]]:
    """Columns that fit beside each other, with the number of the first."""
    for start in range(0, len(figures), MOST):
        yield start, dict(list(figures.items())[start : start + MOST])


def mean_rows(grid: Grid, compared: Comparison) -> dict[str, Row]:
    """The mean of the tasks with its interval below, the average rank, and the mean of the group means."""
    found = {
        name: scores_row({m: grid.mean(m, parts) for m in grid.methods}) for name, parts in mean_parts(grid).items()
    }
    first, *others = found
    intervals = {method: mean_interval(grid, method, [list(grid.common)]) for method in grid.methods}
    notes = {method: f"{percent(one.low)} to {percent(one.high)}" for method, one in intervals.items() if one}
    rows = {first: found[first]._replace(notes=notes)}
    if compared.ranks and len(compared.methods) > 1:
        rows[RANK] = rank_row(grid, compared, 2)
    return rows | {name: found[name] for name in others}


def group_rows(grid: Grid) -> dict[str, Row]:
    """The mean of each group, where there are several: `natural (7)`."""
    groups = grid.by_group(grid.common)
    return {
        f"{group} ({len(tasks)})": scores_row({method: grid.mean(method, [tasks]) for method in grid.methods})
        for group, tasks in groups.items()
        if len(groups) > 1
    }


def task_rows(grid: Grid, tasks: list[str]) -> dict[str, Row]:
    """Accuracy on each task."""
    return {
        grid.label(task): scores_row({method: grid.score(method, task) for method in grid.methods}) for task in tasks
    }


def known_costs(grid: Grid) -> dict[str, Row]:
    """The costs that any method has. The number of parameters is left out, because the bytes tell the same."""
    return {
        label: row
        for label, row in cost_rows(grid).items()
        if label != "stored params" and any(value is not None for value in row.values.values())
    }
