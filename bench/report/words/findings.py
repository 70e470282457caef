"""What the numbers say, in sentences: each is written only where the records support it."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from bench.report.numbers.gains import FULL, LINEAR, SCRATCH, affinities, means, over_linear
from bench.report.numbers.grid import Grid
from bench.report.numbers.shifts import FEWEST, SPREAD, drop, mean_robustness, robustness_by_shift
from bench.report.numbers.units import counted, listed, percent, points, prefixed, ratio
from bench.report.words.sure import certainty
from bench.statistics import Comparison, compare

CLOSE = 0.01  # one point: what is called as good as the best
LOW_AFFINITY = 0.10  # ten points: eleven of the nineteen VTAB tasks are below it (Head2Toe, figure 1)


def sentences(grid: Grid) -> list[str]:
    """Who is best and how sure that is, what it costs, and on which tasks a method gains."""
    return [
        sentence
        for tell in (best, certainty, thrift, cost_ratios, affinity, gains, shift, robustness, gaps)
        for sentence in tell(grid)
    ]


def best(grid: Grid) -> Iterator[str]:
    """The highest mean, or the highest ones where they are printed alike, and by how much."""
    ranking = sorted(means(grid).items(), key=lambda item: -item[1].mean)
    if len(ranking) < 2:
        return
    top = ranking[0][1].mean
    first = [method for method, score in ranking if percent(score.mean) == percent(top)]
    second = ranking[len(first)] if len(first) < len(ranking) else None
    lead = f", {points(top - second[1].mean)} points over {second[0]}" if second else ""
    groups = best_by_groups(grid)
    other = (
        f"; the highest mean of the group means, {percent(groups[1])} %, that of {listed(groups[0])}" if groups else ""
    )
    yield f"The highest mean over {tasks_of(grid)}, {percent(top)} %, is that of {listed(first)}{lead}{other}."


def best_by_groups(grid: Grid) -> tuple[list[str], float] | None:
    """Which methods are printed highest by the mean of the groups' means, and that mean; None with a single group."""
    groups = list(grid.by_group(grid.common).values())
    found = {method: score.mean for method in grid.compared if (score := grid.mean(method, groups)) is not None}
    if len(groups) < 2 or not found:
        return None
    top = max(found.values())
    return [method for method, mean in found.items() if percent(mean) == percent(top)], top


def thrift(grid: Grid) -> Iterator[str]:
    """Of the methods within a point of the best, the one that is cheapest to train and the one that stores least."""
    found = means(grid)
    top = max((score.mean for score in found.values()), default=0.0)
    close = [method for method, score in found.items() if score.mean >= top - CLOSE]
    for field, does, unit in (
        ("train_flops", "trains with the fewest", "FLOP"),
        ("stored_bytes", "stores the fewest", "B"),
    ):
        costs = {method: cost for method in close if (cost := grid.cost(method, field)) is not None}
        if len(set(costs.values())) > 1:
            least = min(costs, key=costs.__getitem__)
            amount, most = prefixed(costs[least], unit), prefixed(max(costs.values()), unit)
            yield (
                f"Within {100 * CLOSE:.0f} point of the highest mean are {listed(close)}; "
                f"of these {least} {does} {'bytes' if unit == 'B' else 'FLOPs'}, {amount} a task (the most: {most})."
            )


def cost_ratios(grid: Grid) -> Iterator[str]:
    """Training and storage of every method as a multiple of fine-tuning's."""
    for field, what in (("train_flops", "training FLOPs"), ("stored_bytes", "stored bytes")):
        whole = grid.cost(FULL, field)
        others = [method for method in grid.compared if method not in (FULL, SCRATCH)]
        parts = [f"{method} {ratio(cost / whole)}" for method in others if whole and (cost := grid.cost(method, field))]
        if parts:
            amount = prefixed(whole, "FLOP" if field == "train_flops" else "B")
            yield f"Of {FULL}'s {what} ({amount} a task): {', '.join(parts)}."


def affinity(grid: Grid) -> Iterator[str]:
    """How far pretraining alone carries: linear probe minus from scratch, from the least to the most akin task."""
    found = affinities(grid)
    if found:
        low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
        span = (
            f", from {points(found[low])} ({grid.label(low)}) to {points(found[high])} ({grid.label(high)})"
            if len(found) > 1
            else ""
        )
        yield (
            f"Domain affinity ({LINEAR} minus {SCRATCH}) is {points(fmean(found.values()))} points "
            f"on {counted(len(found), 'task')}{' on average' if len(found) > 1 else ''}{span}."
        )


def gains(grid: Grid) -> Iterator[str]:
    """What the best method and those of the Head2Toe family gain over the linear probe: by group, by affinity."""
    for method in told(grid):
        gain = {task: gained for task in grid.tasks if (gained := over_linear(grid, method, task)) is not None}
        if not gain:
            continue
        parts = grid.by_group(list(gain)).items()
        groups = [f"{points(fmean(gain[t] for t in part))} on {group} ({len(part)})" for group, part in parts]
        near = {task: found >= LOW_AFFINITY for task, found in affinities(grid).items() if task in gain}
        sides = [[gain[task] for task, is_near in near.items() if is_near is side] for side in (False, True)]
        split = (
            f"; {points(fmean(sides[0]))} on the {len(sides[0])} of an affinity under {100 * LOW_AFFINITY:.0f} points, "
            f"{points(fmean(sides[1]))} on the {len(sides[1])} others"
            if all(sides)
            else ""
        )
        yield f"{method} minus {LINEAR}, in points (tasks): {listed(groups)}{split}."


def shift(grid: Grid) -> Iterator[str]:
    """Who loses least under shift, over the tasks where all have a figure; from scratch there is little to lose."""
    tasks = [task for task in grid.tasks if grid.shifted(task)]
    drops = {m: [drop(grid, m, task) for task in tasks] for m in grid.compared if m != SCRATCH}
    shared = [at for at in range(len(tasks)) if all(found[at] is not None for found in drops.values())]
    mean = {
        method: fmean(value for at in shared if (value := found[at]) is not None)
        for method, found in drops.items()
        if shared
    }
    if len(mean) > 1 and points(max(mean.values())) != points(min(mean.values())):
        least, most = max(mean, key=mean.__getitem__), min(mean, key=mean.__getitem__)
        yield (
            f"Under shift ({counted(len(shared), 'task')}), {least} changes by {points(mean[least])} points, "
            f"the least of those that were pretrained; {most} by {points(mean[most])}, the greatest."
        )


def robustness(grid: Grid) -> Iterator[str]:
    """Who does better under shift than its accuracy in distribution predicts, and how sure; or why that is not told."""
    tasks = [task for task in grid.tasks if grid.shifted(task)]
    found = {task: mean_robustness(grid, task) for task in tasks}
    without = [grid.label(task) for task in tasks if not found[task]]
    shared = [task for task in tasks if len(found[task]) == len(grid.compared)]
    mean = {method: fmean(found[task][method] for task in shared) for method in grid.compared if shared}
    if mean and points(max(mean.values())) != points(min(mean.values())):
        most, second = sorted(mean, key=lambda method: -mean[method])[:2]
        yield (
            f"Accuracy under shift minus what accuracy in distribution predicts is highest for {most}, "
            f"{points(mean[most])} points ({counted(len(shared), 'task')}); {second} is next with "
            f"{points(mean[second])}, {over_shifts(compare(robustness_by_shift(grid, shared)), most, second)}."
        )
    if without:
        yield (
            f"Effective robustness is not computed on {listed(without)}: it takes {FEWEST} methods with all figures, "
            f"whose accuracies in distribution differ by {100 * SPREAD:.0f} points or more."
        )


def over_shifts(made: Comparison, first: str, second: str) -> str:
    """What a test over the shifts says of two methods; they are taken as a sample of such shifts."""
    shifts = counted(len(made.tasks), "shift")
    if not made.can_settle:
        return f"and {shifts} {'is' if len(made.tasks) == 1 else 'are'} too few to say by a test whether that is chance"
    differs = "differs" if made.differ(first, second) else "does not differ"
    pairs = counted(len(made.pairs), "pair")
    return f"which {differs} significantly over the {shifts} (Wilcoxon, corrected by Holm for {pairs})"


def gaps(grid: Grid) -> Iterator[str]:
    """What the means leave out, and figures that rest on fewer seeds than others."""
    absent = [method for method in grid.methods if method not in grid.compared]
    if absent:
        yield f"{listed(absent)} finished no task and {'is' if len(absent) == 1 else 'are'} in no mean."
    if grid.common != grid.tasks:
        left_out = [grid.label(task) for task in grid.tasks if task not in grid.common]
        verb = "is" if len(left_out) == 1 else "are"
        yield f"The grid is incomplete: in no mean {verb} {listed(left_out)}, which not all methods finished."
    if grid.unfinished:
        yield f"No method finished {listed([task.removeprefix(f'{grid.suite}/') for task in grid.unfinished])}."
    lacking = {
        m: [t for t in grid.tasks if 0 < len(grid.cells.get((m, t), ())) < len(grid.seeds)] for m in grid.compared
    }
    short = [f"{method} on {counted(len(tasks), 'task')}" for method, tasks in lacking.items() if tasks]
    if short:
        yield f"Some figures rest on fewer than {len(grid.seeds)} seeds: {listed(short)}."


def told(grid: Grid) -> list[str]:
    """The methods whose gain over the linear probe is told: the best, and at most three of the Head2Toe family."""
    found = means(grid)
    leading = sorted(found, key=lambda method: -found[method].mean)[:1]
    family = [method for method in grid.compared if method.startswith("head2toe")][:3]
    return [method for method in dict.fromkeys((*family, *leading)) if method not in (LINEAR, SCRATCH)]


def tasks_of(grid: Grid) -> str:
    return f"the {counted(len(grid.common), 'task')}" + (
        "" if grid.common == grid.tasks else " that all methods finished"
    )
