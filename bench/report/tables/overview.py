"""The table that a terminal shows of a comparison: methods down, the best first, with means, tasks and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted
from bench.report.summary import Overview
from bench.report.tables.main import RANK, seeds_note, title
from bench.report.tables.sheets import group_rows, known_costs, mean_rows, sheet, task_rows
from bench.report.tables.table import Row, Table
from bench.statistics import Comparison

TASKS = 8  # with more of them, the means of the groups stand for the tasks
MAIN = ("training FLOPs", "tuning FLOPs", "stored bytes")  # the costs that are left out last


class Figures(NamedTuple):
    """The columns of the table, by their part in it."""

    means: Mapping[str, Row]
    tasks: Mapping[str, Row]  # empty where there are too many for a screen
    groups: Mapping[str, Row]
    costs: Mapping[str, Row]


def whole_table(grid: Grid, compared: Comparison) -> Table:
    """The means, the average rank, the tasks or the means of their groups, and the costs of every method."""
    return tabled(grid, figures(grid, compared))


def figures(grid: Grid, compared: Comparison) -> Figures:
    """All columns. Accuracies on tasks and groups are without deviations, which the report has."""
    tasks = task_rows(grid, list(grid.tasks)) if len(grid.tasks) <= TASKS else {}
    return Figures(mean_rows(grid, compared), plain(tasks), plain(group_rows(grid)), known_costs(grid))


def tabled(grid: Grid, found: Figures) -> Table:
    """The table with all columns, the best mean first."""
    columns = {**found.means, **found.tasks, **found.groups, **found.costs}
    made = sheet(grid, title(grid, "Test accuracy, %"), columns).ordered_by(next(iter(found.means)))
    return replace(made, note=note(grid))


def overview(grid: Grid, compared: Comparison) -> Overview:
    """The same table as a terminal shows it: as many of its columns as fit."""
    means, tasks, groups, costs = found = figures(grid, compared)
    made, mean = tabled(grid, found), next(iter(means))
    few = [name for name in MAIN if name in costs]
    choices = [[*means, *part, *some] for some in (costs, few) for part in (tasks, groups) if part]
    choices += [[mean, RANK, *groups, *few], [mean, *groups, *few], [*means, *costs], [mean, *few], [mean]]
    known = [name for name in made.text if made.values[name].notna().any()]
    return Overview(
        made.title, made.note, tuple(made.text.index),
        {name: tuple(made.text[name]) for name in known},
        {name: tuple(made.place[name].tolist()) for name in known},
        tuple(tuple(name for name in columns if name in known) for columns in choices),
    )  # fmt: skip


def plain(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows without deviations."""
    return {
        label: row._replace(texts={name: text.partition(" ±")[0] for name, text in row.texts.items()})
        for label, row in rows.items()
    }


def note(grid: Grid) -> str:
    """Over which tasks the means are, where that is not all of them, and what ± means."""
    over = f"means and costs are over the {counted(len(grid.common), 'task')} that all methods finished"
    partly = grid.common and grid.common != grid.tasks
    return "; ".join(part for part in (over if partly else "", seeds_note(grid)) if part)
