"""Where hyper-parameters come from, in words: each method's own recipe, or a search."""

from __future__ import annotations

from collections.abc import Mapping

from bench.records.cells import TuningFacts
from bench.records.request import GRID
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, listed


def any_tuned(grid: Grid) -> bool:
    """Whether any method's hyper-parameters were searched."""
    return any(searches(grid, method) for method in grid.compared)


def searches(grid: Grid, method: str) -> list[TuningFacts]:
    """What the cells of a method say about their searches, one entry a cell that was searched.

    What a recipe chooses by itself is no search.
    """
    cells = [cell for task in grid.tasks for cell in grid.cells.get((method, task), ())]
    return [cell.tuning for cell in cells if cell.tuning is not None and cell.tuning.sampler != GRID]


def tuning_note(grid: Grid) -> str:
    """Which figures rest on a search for hyper-parameters, and on how many trials."""
    found = {method: searches(grid, method) for method in grid.compared}
    if not any(found.values()):
        return "hyper-parameters: each method's own, no search"
    told = [f"hyper-parameters searched{span(found)}"]
    never = [method for method, part in found.items() if not part]
    if never:
        told.append(f"except those of {listed(never)}")
    cells = {method: sum(len(grid.cells.get((method, task), ())) for task in grid.tasks) for method in found}
    partly = [method for method, part in found.items() if 0 < len(part) < cells[method]]
    if partly:
        told.append(f"only in {listed([f'{len(found[m])} of {cells[m]} cells of {m}' for m in partly])}")
    cut = sum(one.cut for part in found.values() for one in part)
    if cut:
        told.append(f"the budget ended the search of {counted(cut, 'cell')} early")
    return ", ".join(told)


def span(found: Mapping[str, list[TuningFacts]]) -> str:
    """` in 10 trials a task` or ` in 4 to 30 trials a task`; empty where no record says it."""
    trials = [one.trials for part in found.values() for one in part if one.trials is not None]
    if not trials:
        return ""
    low, high = min(trials), max(trials)
    return f" in {counted(low, 'trial') if low == high else f'{low} to {high} trials'} a task"
