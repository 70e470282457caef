"""Where hyper-parameters come from, in words: each method's own recipe, or a search."""

from __future__ import annotations

from collections.abc import Mapping

from bench.records.cells import TuningFacts
from bench.records.request import GRID
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, listed


def recipes(grid: Grid) -> str:
    """How much the recipes ask for, for titles: two efforts are never mistaken for each other.

    `quick recipes`, `paper recipes`, or `paper recipes, learning rate chosen on validation images`.
    """
    return f"{grid.effort} recipes" + (", learning rate chosen on validation images" if by_recipes(grid) else "")


def any_tuned(grid: Grid) -> bool:
    """Whether any method's hyper-parameters were chosen in trials, by its recipe or in a search."""
    return any(chosen(grid, method) for method in grid.compared)


def cost_field(grid: Grid, ledger: str) -> str:
    """The field of a cost that methods are compared by: `adapt_flops` where any was tuned, else `train_flops`.

    A probe chooses within its training. What is trained pays for its choice apart, and that is added.
    """
    return f"{'adapt' if any_tuned(grid) else 'train'}_{ledger}"


def flops_named(grid: Grid) -> str:
    """How sentences and axes call these FLOPs."""
    return "FLOPs of training and tuning" if any_tuned(grid) else "training FLOPs"


def chosen(grid: Grid, method: str) -> list[TuningFacts]:
    """What the cells of a method say about their trials, one entry a cell that had any."""
    cells = [cell for task in grid.tasks for cell in grid.cells.get((method, task), ())]
    return [cell.tuning for cell in cells if cell.tuning is not None]


def searches(grid: Grid, method: str) -> list[TuningFacts]:
    """Those of the trials that were asked for with `--tune`. What a recipe chooses by itself is no search."""
    return [one for one in chosen(grid, method) if one.sampler != GRID]


def by_recipes(grid: Grid) -> dict[str, list[TuningFacts]]:
    """The trials among which the recipe of each method chooses by itself; methods without any are left out."""
    found = {method: [one for one in chosen(grid, method) if one.sampler == GRID] for method in grid.compared}
    return {method: part for method, part in found.items() if part}


def tuning_note(grid: Grid) -> str:
    """Which figures rest on trials that chose hyper-parameters, and on how many."""
    found = {method: searches(grid, method) for method in grid.compared}
    recipe = by_recipes(grid)
    told = [f"what a recipe leaves open was chosen on validation images{span(recipe)}"] if recipe else []
    if not any(found.values()):
        return "".join(told) or "hyper-parameters: each method's own, no search"
    told.append(f"hyper-parameters searched{span(found)}")
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
