"""The tables of a report as plain rows: accuracy and cost of every method on every task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.report.numbers.evidence import comparison
from bench.report.numbers.gains import LINEAR, SCRATCH, difference
from bench.report.numbers.grid import Grid, Score
from bench.report.numbers.units import MISSING, counted, duration, percent, points, prefixed
from bench.report.words.choices import any_tuned, tuning_note

AFFINITY = "domain affinity"
COSTS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("training FLOPs", "train_flops", prefixed),
    ("tuning FLOPs", "tune_flops", prefixed),
    ("stored params", "stored_params", prefixed),
    ("stored bytes", "stored_bytes", lambda value: prefixed(value, "B")),
    ("training time", "train_seconds", duration),
    ("tuning time", "tune_seconds", duration),
)
TUNING = ("tune_flops", "tune_seconds")


@dataclass(frozen=True)
class Value:
    """What one place of a table shows."""

    text: str
    best: bool = False
    second: bool = False


@dataclass(frozen=True)
class Row:
    label: str
    values: tuple[Value, ...]  # one a column


@dataclass(frozen=True)
class Section:
    """Rows that belong together, under a heading if there is one."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table before it is laid out for a terminal, Markdown or LaTeX: mostly tasks down, methods across."""

    title: str
    columns: tuple[str, ...]
    sections: tuple[Section, ...]
    note: str  # how to read it, and what its means are over
    methods_down: bool = False  # the other way round


def title(grid: Grid, what: str) -> str:
    """`Test accuracy, %: demo suite, mobilenetv2_100, 7 tasks, 3 seeds`."""
    scale = f"{counted(len(grid.tasks), 'task')}, {counted(len(grid.seeds), 'seed')}"
    return f"{what}: {grid.suite} suite, backbone {grid.backbone}, {scale}"


def main_table(grid: Grid) -> Table:
    """Accuracy on each task, both means and the costs; a last column has the domain affinity where it is known."""
    sections = [
        Section(group, tuple(accuracy_row(grid, grid.label(task), partial(grid.score, task=task)) for task in tasks))
        for group, tasks in grid.by_group(grid.tasks).items()
    ]
    sections += [Section("means", mean_rows(grid)), Section("mean cost of a task", cost_rows(grid))]
    columns = (*grid.methods, AFFINITY) if has_affinity(grid) else grid.methods
    return Table(title(grid, "Test accuracy, %"), columns, tuple(sections), note(grid))


def mean_rows(grid: Grid) -> tuple[Row, ...]:
    """The mean of each group, the mean of the tasks and the mean of the group means; both of these are in use."""
    groups = grid.by_group(grid.common)
    parts = {f"{group}, {counted(len(tasks), 'task')}": [tasks] for group, tasks in groups.items() if len(groups) > 1}
    parts[f"mean of {counted(len(grid.common), 'task')}"] = [list(grid.common)]
    if len(groups) > 1:  # with one group both means are the same
        parts[f"mean of {len(groups)} groups"] = list(groups.values())
    rows = [accuracy_row(grid, label, partial(grid.mean, parts=part)) for label, part in parts.items()]
    return (*rows, rank_row(grid)) if len(grid.compared) > 1 and grid.common else tuple(rows)


def rank_row(grid: Grid) -> Row:
    """The average rank over the common tasks, 1 being the best; ties share their mean rank."""
    ranks = comparison(grid).ranks
    found = [ranks.get(method) for method in grid.methods]
    texts = [MISSING if rank is None else f"{rank:.1f}" for rank in found]
    values = marked(texts, [None if rank is None else -round(rank, 1) for rank in found])
    return Row("average rank", (*values, Value("")) if has_affinity(grid) else values)


def accuracy_row(grid: Grid, label: str, score: Callable[[str], Score | None]) -> Row:
    scores = [score(method) for method in grid.methods]
    values = mark_best([percent(found.mean, found.std) if found else MISSING for found in scores], scores)
    if has_affinity(grid):
        values = (*values, Value(points(difference(score(LINEAR), score(SCRATCH)))))
    return Row(label, values)


def cost_rows(grid: Grid) -> tuple[Row, ...]:
    """What adapting to one task costs; tuning only where something was tuned."""
    rows = []
    for label, field, write in COSTS:
        costs = [grid.cost(method, field) for method in grid.methods]
        if field not in TUNING or any_tuned(grid):
            blank = (Value(""),) if has_affinity(grid) else ()
            rows.append(Row(label, (*(Value(write(cost)) for cost in costs), *blank)))
    return tuple(rows)


def mark_best(texts: Sequence[str], scores: Sequence[Score | None]) -> tuple[Value, ...]:
    """The best and the second as they are printed: what ties at one decimal is best together."""
    return marked(texts, [round(1000 * score.mean) if score else None for score in scores])


def marked(texts: Sequence[str], shown: Sequence[float | None]) -> tuple[Value, ...]:
    """Texts with the highest and the second highest of the figures behind them marked. A lone figure is not."""
    known = [value for value in shown if value is not None]
    levels = sorted(set(known), reverse=True)[:2] if len(known) > 1 else []
    return tuple(
        Value(text, levels[:1] == [value], levels[1:] == [value]) for text, value in zip(texts, shown, strict=True)
    )


def has_affinity(grid: Grid) -> bool:
    """Domain affinity: accuracy of the linear probe minus that of the same network from scratch (Head2Toe, fig. 1)."""
    return any((LINEAR, task) in grid.cells and (SCRATCH, task) in grid.cells for task in grid.tasks)


def note(grid: Grid) -> str:
    """Says over which tasks the means are, so that an incomplete grid is never averaged in silence."""
    if not grid.common:
        over = "no task was finished by all methods, so there are no means"
    else:
        over = f"means and costs are over the {counted(len(grid.common), 'task')} that all methods finished"
    affinity = f"{AFFINITY}: {LINEAR} minus {SCRATCH}, in points" if has_affinity(grid) else ""
    return "; ".join(part for part in (over, seeds_note(grid), tuning_note(grid), affinity) if part)


def seeds_note(grid: Grid) -> str:
    return f"±: sample standard deviation over up to {len(grid.seeds)} seeds" if len(grid.seeds) > 1 else ""
