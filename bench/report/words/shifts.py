"""What happens under shift, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from bench.report.numbers.gains import SCRATCH
from bench.report.numbers.grid import Grid
from bench.report.numbers.shifts import FEWEST, SPREAD, drop, mean_robustness, robustness_by_shift
from bench.report.numbers.units import counted, listed, points
from bench.statistics import Comparison, compare


def shift(grid: Grid) -> Iterator[str]:
    """The methods that lose least and most under shift, over the tasks where all have a figure.

    A network trained from scratch is left out: it has little to lose.
    """
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
            f"Under shift ({counted(len(shared), 'task')}), {least} loses least among the pretrained methods: its "
            f"accuracy changes by {points(mean[least])} points. {most} loses most: {points(mean[most])} points."
        )


def robustness(grid: Grid) -> Iterator[str]:
    """The method with the highest effective robustness, and how sure its lead is; or why that is not told."""
    tasks = [task for task in grid.tasks if grid.shifted(task)]
    found = {task: mean_robustness(grid, task) for task in tasks}
    without = [grid.label(task) for task in tasks if not found[task]]
    shared = [task for task in tasks if len(found[task]) == len(grid.compared)]
    mean = {method: fmean(found[task][method] for task in shared) for method in grid.compared if shared}
    if mean and points(max(mean.values())) != points(min(mean.values())):
        most, second = sorted(mean, key=lambda method: -mean[method])[:2]
        yield (
            f"Accuracy under shift minus what accuracy in distribution predicts is highest for {most}: "
            f"{points(mean[most])} points ({counted(len(shared), 'task')}). {second} is next with "
            f"{points(mean[second])}. {over_shifts(compare(robustness_by_shift(grid, shared)), most, second)}"
        )
    if without:
        yield (
            f"Effective robustness is not computed on {listed(without)}: it takes {FEWEST} methods with all figures, "
            f"whose accuracies in distribution differ by {100 * SPREAD:.0f} points or more."
        )


def over_shifts(made: Comparison, first: str, second: str) -> str:
    """What a test over the shifts says of two methods. It takes the shifts as a sample of such shifts."""
    shifts = counted(len(made.tasks), "shift")
    if not made.can_settle:
        verb = "is" if len(made.tasks) == 1 else "are"
        return f"{shifts} {verb} too few to test whether that is chance."
    differ = "differ" if made.differ(first, second) else "do not differ"
    pairs = counted(len(made.pairs), "pair")
    return f"Over the {shifts} the two {differ} significantly (Wilcoxon, corrected by Holm for {pairs})."
