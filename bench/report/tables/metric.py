"""A table of another metric than accuracy: every method on every task, and the mean of the tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.records.request import METRICS as NAMES
from bench.report.numbers.grid import Grid, Score
from bench.report.numbers.metrics import METRICS, SMALL_IS_GOOD, Predictions
from bench.report.numbers.units import percent
from bench.report.summary import Overview
from bench.report.tables.main import mean_parts, seeds_note, title
from bench.report.tables.table import Row, Table, scores_row, table

MISSING = f"{percent(None)}: not defined on the task, or its records were made before predictions were kept"


def metric_table(grid: Grid, predictions: Predictions, metric: str) -> Table | None:
    """The metric on `test`, a row a task and the mean of the tasks; None for accuracy, which has its own table."""
    if metric == NAMES[0]:
        return None
    of = by_metric(grid, predictions, metric)
    rows = {
        (group, grid.label(task)): row({method: of.score(method, task) for method in grid.methods}, metric)
        for group, tasks in grid.by_group(grid.tasks).items()
        for task in tasks
    }
    for label, parts in mean_parts(grid).items() if grid.common else ():
        rows["means", label] = row({method: of.mean(method, parts) for method in grid.methods}, metric)
    name = METRICS[metric]
    lacking = any(text == percent(None) for one in rows.values() for text in one.texts.values())
    note = "; ".join(filter(None, [seeds_note(grid), MISSING if lacking else ""]))
    return table(title(grid, f"{name[0].upper()}{name[1:]}, %"), grid.methods, rows, note)


def row(scores: Mapping[str, Score | None], metric: str) -> Row:
    """Figures in percent. Of an error the smallest is best."""
    made = scores_row(scores)
    if metric not in SMALL_IS_GOOD:
        return made
    return made._replace(printed={name: None if at is None else -at for name, at in made.printed.items()})


def by_metric(grid: Grid, predictions: Predictions, metric: str) -> Grid:
    """The same cells with another metric in place of test accuracy; without a figure where there is none."""
    cells = {
        place: tuple(
            replace(cell, accuracy={} if value is None else {"test": value}, correct={})
            for cell in cells
            for value in [predictions.metrics(cell).get("test", {}).get(metric)]
        )
        for place, cells in grid.cells.items()
    }
    return replace(grid, cells=cells)


def metric_overview(made: Table) -> Overview:
    """The table as a terminal shows it: methods down, the best mean first where there is one."""
    turned = made.turned()
    turned = turned.ordered_by(turned.text.columns[-1])
    if not turned.text.columns[-1].startswith("mean"):
        turned = made.turned()
    columns = tuple(turned.text.columns)
    means = tuple(name for name in columns if name.startswith("mean"))
    return Overview(
        turned.title, turned.note, tuple(turned.text.index),
        {name: tuple(turned.text[name]) for name in columns},
        {name: tuple(turned.place[name].tolist()) for name in columns},
        (columns, means or columns[:1]),
    )  # fmt: skip
