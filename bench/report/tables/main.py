"""The main table: accuracy of every method on every task, the means, and what adapting to a task costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.report.numbers.evidence import comparison
from bench.report.numbers.gains import LINEAR, SCRATCH, difference
from bench.report.numbers.grid import Grid, Score
from bench.report.numbers.units import counted, duration, points, prefixed
from bench.report.tables.table import Row, Table, numbers_row, scores_row, table
from bench.report.words.choices import any_tuned, recipes, tuning_note
from bench.statistics import Comparison

AFFINITY = "domain affinity"
RANK = "average rank"
COSTS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("training FLOPs", "train_flops", prefixed),
    ("tuning FLOPs", "tune_flops", prefixed),
    ("stored params", "stored_params", prefixed),
    ("stored bytes", "stored_bytes", lambda value: prefixed(value, "B")),
    ("training time", "train_seconds", duration),
    ("tuning time", "tune_seconds", duration),
)
TUNING = ("tune_flops", "tune_seconds")


def title(grid: Grid, what: str) -> str:
    """`Test accuracy, %: demo suite, backbone mobilenetv2_100, 7 tasks, 3 seeds, quick recipes`."""
    scale = f"{counted(len(grid.tasks), 'task')}, {counted(len(grid.seeds), 'seed')}"
    return f"{what}: {grid.suite} suite, backbone {grid.backbone}, {scale}, {recipes(grid)}"


def main_table(grid: Grid) -> Table:
    """Accuracy on each task, the means and the costs. A last column has the domain affinity where it is known."""
    rows = {
        (group, grid.label(task)): accuracy_row(grid, partial(grid.score, task=task))
        for group, tasks in grid.by_group(grid.tasks).items()
        for task in tasks
    }
    for label, parts in {**group_parts(grid), **mean_parts(grid)}.items():
        rows["means", label] = accuracy_row(grid, partial(grid.mean, parts=parts))
    if len(grid.compared) > 1 and grid.common:
        rows["means", RANK] = rank_row(grid, comparison(grid), 1)
    rows |= {("mean cost of a task", label): row for label, row in cost_rows(grid).items()}
    columns = (*grid.methods, AFFINITY) if has_affinity(grid) else grid.methods
    return table(title(grid, "Test accuracy, %"), columns, rows, note(grid))


def group_parts(grid: Grid) -> dict[str, list[list[str]]]:
    """The common tasks of each group, by the name of its mean. A lone group is the mean of all tasks."""
    groups = grid.by_group(grid.common)
    named = {f"{group}, {counted(len(tasks), 'task')}": [tasks] for group, tasks in groups.items()}
    return named if len(groups) > 1 else {}


def mean_parts(grid: Grid) -> dict[str, list[list[str]]]:
    """The mean of the tasks and, where there are several groups, the mean of their means. Both are in use."""
    groups = list(grid.by_group(grid.common).values())
    found = {f"mean of {counted(len(grid.common), 'task')}": [list(grid.common)]}
    return found | ({f"mean of {len(groups)} groups": groups} if len(groups) > 1 else {})


def accuracy_row(grid: Grid, score: Callable[[str], Score | None]) -> Row:
    """Accuracy of every method, and the domain affinity where any task has it."""
    row = scores_row({method: score(method) for method in grid.methods})
    if not has_affinity(grid):
        return row
    gap = difference(score(LINEAR), score(SCRATCH))
    return row._replace(texts={**row.texts, AFFINITY: points(gap)}, values={**row.values, AFFINITY: gap})


def rank_row(grid: Grid, compared: Comparison, decimals: int) -> Row:
    """The average rank over the common tasks, 1 being the best. Ties share their mean rank."""
    ranks = {method: compared.ranks.get(method) for method in grid.methods}
    printed = {method: None if rank is None else -round(rank, decimals) for method, rank in ranks.items()}
    return numbers_row(ranks, lambda rank: f"{rank:.{decimals}f}")._replace(printed=printed)


def cost_rows(grid: Grid) -> dict[str, Row]:
    """What adapting to one task costs. Tuning is told only where something was tuned."""
    return {
        label: numbers_row({method: grid.cost(method, field) for method in grid.methods}, write)
        for label, field, write in COSTS
        if field not in TUNING or any_tuned(grid)
    }


def has_affinity(grid: Grid) -> bool:
    """Whether any task has the domain affinity: the linear probe minus the same network from scratch.

    Source: Evci et al. 2022 (Head2Toe), figure 1.
    """
    return any((LINEAR, task) in grid.cells and (SCRATCH, task) in grid.cells for task in grid.tasks)


def note(grid: Grid) -> str:
    """How to read the table, and over which tasks the means are: an incomplete grid is never averaged in silence."""
    if not grid.common:
        over = "no task was finished by all methods, so there are no means"
    else:
        over = f"means and costs are over the {counted(len(grid.common), 'task')} that all methods finished"
    affinity = f"{AFFINITY}: {LINEAR} minus {SCRATCH}, in points" if has_affinity(grid) else ""
    return "; ".join(part for part in (over, seeds_note(grid), tuning_note(grid), affinity) if part)


def seeds_note(grid: Grid) -> str:
    """What ± means; empty with one seed."""
    return f"±: sample standard deviation over up to {len(grid.seeds)} seeds" if len(grid.seeds) > 1 else ""
