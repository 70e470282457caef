"""The table of backbones side by side: what each method reaches and stores with each of them."""

from __future__ import annotations

from collections.abc import Callable

from bench.report.numbers.together import Together, label
from bench.report.numbers.units import counted, prefixed
from bench.report.tables.table import Row, Table, numbers_row, scores_row, table
from bench.report.words.choices import recipes

COSTS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("training FLOPs", "train_flops", prefixed),
    ("stored bytes", "stored_bytes", lambda value: prefixed(value, "B")),
)


def backbones_table(side: Together) -> Table | None:
    """Means over the tasks that all methods finished with all backbones; None without such a task."""
    tasks = list(side.grid.common)
    if not tasks:
        return None
    rows: dict[tuple[str, str], Row] = {}
    for part in side.parts:
        names = {method: label(method, part) for method in side.methods}
        rows["mean test accuracy, %", part.backbone] = scores_row(
            {method: side.grid.mean(name, [tasks]) for method, name in names.items()}
        )
    for what, field, write in COSTS:
        for part in side.parts:
            costs = {method: side.grid.cost(label(method, part), field) for method in side.methods}
            rows[what, part.backbone] = numbers_row(costs, write)
    over = f"over the {counted(len(tasks), 'task')} that all methods finished with all backbones"
    title = f"Backbones side by side: {side.grid.suite} suite, {recipes(side.grid)}"
    return table(title, side.methods, rows, f"means are {over}")
