"""What the numbers say, in sentences. A sentence is written only where the records support it."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from bench.report.numbers.gains import FULL, LINEAR, SCRATCH, affinities, means, over_linear
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted, listed, percent, points, prefixed, ratio
from bench.report.words.choices import cost_field, flops_named
from bench.report.words.shifts import robustness, shift
from bench.report.words.sure import certainty

CLOSE = 0.01  # of accuracy: a method within one point of the best is called close to it
LOW_AFFINITY = 0.10  # of accuracy: eleven of the nineteen VTAB tasks are below ten points (Head2Toe, figure 1)


def sentences(grid: Grid) -> list[str]:
    """Which method is best and how sure that is, what it costs, and on which tasks a method gains."""
    return [
        sentence
        for tell in (best, certainty, thrift, cost_ratios, affinity, gains, shift, robustness, gaps)
        for sentence in tell(grid)
    ]


def best(grid: Grid) -> Iterator[str]:
    """The method with the highest mean, or the methods whose means are printed alike, and the lead."""
    ranking = sorted(means(grid).items(), key=lambda item: -item[1].mean)
    if len(ranking) < 2:
        return
    top = ranking[0][1].mean
    first = [method for method, score in ranking if percent(score.mean) == percent(top)]
    second = ranking[len(first)] if len(first) < len(ranking) else None
    lead = f", {points(top - second[1].mean)} points over {second[0]}" if second else ""
    yield f"{listed(first)} {has(first)} the highest mean over {tasks_of(grid)}: {percent(top)} %{lead}."
    groups = best_by_groups(grid)
    if groups:
        yield f"{listed(groups[0])} {has(groups[0])} the highest mean of the group means: {percent(groups[1])} %."


def has(names: list[str]) -> str:
    """The verb for one name or several."""
    return "has" if len(names) == 1 else "have"


def best_by_groups(grid: Grid) -> tuple[list[str], float] | None:
    """The methods with the highest mean of the group means, as printed, and that mean; None with a single group."""
    groups = list(grid.by_group(grid.common).values())
    found = {method: score.mean for method in grid.compared if (score := grid.mean(method, groups)) is not None}
    if len(groups) < 2 or not found:
        return None
    top = max(found.values())
    return [method for method, mean in found.items() if percent(mean) == percent(top)], top


def thrift(grid: Grid) -> Iterator[str]:
    """Among the methods close to the best: the cheapest one to train, and the one that stores least."""
    found = means(grid)
    top = max((score.mean for score in found.values()), default=0.0)
    close = [method for method, score in found.items() if score.mean >= top - CLOSE]
    for field, what, unit in compared_costs(grid):
        costs = {method: cost for method in close if (cost := grid.cost(method, field)) is not None}
        if len(set(costs.values())) > 1:
            least = min(costs, key=costs.__getitem__)
            amount, most = prefixed(costs[least], unit), prefixed(max(costs.values()), unit)
            yield (
                f"{listed(close)} are within {100 * CLOSE:.0f} point of the highest mean. "
                f"Of these, {least} has the fewest {what}: {amount} a task (the most: {most})."
            )


def compared_costs(grid: Grid) -> Iterator[tuple[str, str, str]]:
    """The field of each cost that methods are compared by, how a sentence names it, and its unit."""
    yield cost_field(grid, "flops"), flops_named(grid), "FLOP"
    yield "stored_bytes", "stored bytes", "B"


def cost_ratios(grid: Grid) -> Iterator[str]:
    """Training, with tuning where there was any, and storage of every method as a multiple of fine-tuning's."""
    for field, what, unit in compared_costs(grid):
        whole = grid.cost(FULL, field)
        others = [method for method in grid.compared if method not in (FULL, SCRATCH)]
        parts = [f"{method} {ratio(cost / whole)}" for method in others if whole and (cost := grid.cost(method, field))]
        if parts:
            yield f"Of {FULL}'s {what} ({prefixed(whole, unit)} a task): {', '.join(parts)}."


def affinity(grid: Grid) -> Iterator[str]:
    """How far pretraining alone carries: the mean domain affinity, its lowest and its highest task."""
    found = affinities(grid)
    if not found:
        return
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    several = len(found) > 1
    span = f" It ranges from {points(found[low])} ({grid.label(low)}) to {points(found[high])} ({grid.label(high)})."
    yield (
        f"Domain affinity ({LINEAR} minus {SCRATCH}) is {points(fmean(found.values()))} points on "
        f"{counted(len(found), 'task')}{' on average' if several else ''}.{span if several else ''}"
    )


def gains(grid: Grid) -> Iterator[str]:
    """What the best method and the Head2Toe family gain over the linear probe: by group, and by affinity."""
    for method in with_gains(grid):
        gain = {task: gained for task in grid.tasks if (gained := over_linear(grid, method, task)) is not None}
        if not gain:
            continue
        parts = grid.by_group(list(gain)).items()
        groups = [f"{points(fmean(gain[t] for t in part))} on {group} ({len(part)})" for group, part in parts]
        near = {task: found >= LOW_AFFINITY for task, found in affinities(grid).items() if task in gain}
        sides = [[gain[task] for task, is_near in near.items() if is_near is side] for side in (False, True)]
        split = (
            f" By domain affinity: {points(fmean(sides[0]))} on {counted(len(sides[0]), 'task')} under "
            f"{100 * LOW_AFFINITY:.0f} points, {points(fmean(sides[1]))} on the {counted(len(sides[1]), 'other')}."
            if all(sides)
            else ""
        )
        yield f"{method} minus {LINEAR}, in points (tasks): {listed(groups)}.{split}"


def with_gains(grid: Grid) -> list[str]:
    """The methods whose gain over the linear probe is told: at most three of the Head2Toe family, and the best."""
    found = means(grid)
    leading = sorted(found, key=lambda method: -found[method].mean)[:1]
    family = [method for method in grid.compared if method.startswith("head2toe")][:3]
    return [method for method in dict.fromkeys((*family, *leading)) if method not in (LINEAR, SCRATCH)]


def gaps(grid: Grid) -> Iterator[str]:
    """Methods and tasks that the means leave out, and figures with fewer seeds than others."""
    absent = [method for method in grid.methods if method not in grid.compared]
    if absent:
        yield f"{listed(absent)} finished no task and {'is' if len(absent) == 1 else 'are'} in no mean."
    if grid.common != grid.tasks:
        left_out = [grid.label(task) for task in grid.tasks if task not in grid.common]
        they = "it is" if len(left_out) == 1 else "they are"
        yield f"The grid is incomplete: not all methods finished {listed(left_out)}, so {they} in no mean."
    if grid.unfinished:
        yield f"No method finished {listed([task.removeprefix(f'{grid.suite}/') for task in grid.unfinished])}."
    lacking = {
        m: [t for t in grid.tasks if 0 < len(grid.cells.get((m, t), ())) < len(grid.seeds)] for m in grid.compared
    }
    short = [f"{method} on {counted(len(tasks), 'task')}" for method, tasks in lacking.items() if tasks]
    if short:
        yield f"Some figures rest on fewer than {len(grid.seeds)} seeds: {listed(short)}."


def tasks_of(grid: Grid) -> str:
    """`the 7 tasks`, or `the 7 tasks that all methods finished`."""
    everything = grid.common == grid.tasks
    return f"the {counted(len(grid.common), 'task')}" + ("" if everything else " that all methods finished")
