"""How to read each plot, and why a plot is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report.numbers.gains import FULL, LINEAR, SCRATCH
from bench.report.numbers.grid import Grid

# By the name of the plot: how to read it, and what it needs.
CAPTIONS = {
    "accuracy_by_flops": (
        "Mean test accuracy against FLOPs: of training, and of the trials that chose hyper-parameters where there were "
        "any. Up and to the left is better. A method below the grey stairs has a lower mean than another one that "
        "costs no more.",
        "a mean accuracy and a count of training FLOPs",
    ),
    "accuracy_by_bytes": (
        "Mean test accuracy against the bytes that must be stored for each task besides the backbone. Up and to the "
        "left is better.",
        "a mean accuracy and a count of stored bytes",
    ),
    "accuracy_by_store": (
        "Accuracy against stored bytes of each method in several number formats of its delta, joined by a line.",
        "cells of one method whose deltas were stored in several formats (--store)",
    ),
    "accuracy_by_seconds": (
        "Mean test accuracy against the time of training, and of tuning where there was any, on the device of these "
        "runs.",
        "a mean accuracy and a training time",
    ),
    "accuracy_by_group": (
        "Accuracy against each cost in each group of tasks. The order of methods often changes with the kind of task.",
        "two groups of tasks or more that all methods finished",
    ),
    "accuracy_by_task": ("Every method on every task.", "a finished cell"),
    "gain_by_method": (
        f"How far each method is from {FULL} on each task, in points. Blue is more accurate, red is less.",
        f"{FULL} and another method on one task",
    ),
    "accuracy_by_rank": (
        "Average ranks over the tasks. A bar joins methods that these tasks cannot tell apart (Demšar 2006).",
        "three methods on two tasks that all of them finished",
    ),
    "gain_by_affinity": (
        "What a method gains over the linear probe, against domain affinity: how much pretraining itself helps on a "
        "task (Evci et al. 2022, figure 1). The tasks at the left are least like the pretraining data. A task is named "
        "at its highest point, where there is room.",
        f"{LINEAR}, {SCRATCH} and another method on two tasks",
    ),
    "chosen_by_layer": (
        "In which layers the selected features lie (after Evci et al. 2022). A field is the percentage of a task's "
        "selected features that lie in a tap, mean over seeds. The first row is what features drawn at random would "
        "give. A tap that is darker than in that row is preferred. Among identical features head2toe_path keeps the "
        "first.",
        "a method that selects features, such as head2toe, and records that count them by tap",
    ),
    "accuracy_by_penalty": (
        "The penalties that head2toe_path solves where it is left to choose one. A penalty is a fraction of the "
        "smallest penalty that keeps no feature. Two heads compete at each penalty: the solution's own, and one that "
        "is fitted again on as many features. The validation images alone decide.",
        "a method that chooses among three penalties or more, as head2toe_path does where its penalty is left open",
    ),
    "accuracy_by_tuning_seconds": (
        "Which method to use at which budget: the test accuracy of what each method's tuning would have chosen, had it "
        "stopped there. Tuning chooses by validation accuracy alone. Test accuracy was read after tuning had ended.",
        "recorded trials, and replays of the incumbents",
    ),
    "accuracy_by_tuning_flops": (
        "Which method to use at which budget in FLOPs: the test accuracy of what each method's tuning would have "
        "chosen, had it stopped there.",
        "recorded trials with counted FLOPs, and replays of the incumbents",
    ),
    "tuning_by_draws": (
        "Expected validation accuracy of the best of n trials of random search. It does not depend on the order of the "
        "trials (Dodge et al. 2019).",
        "trials of a random search",
    ),
    "tuning_by_trial": (
        "What tuning tried. Left: in the order of the trials. Right: by the first hyper-parameter of the method that "
        "varied.",
        "recorded trials",
    ),
    "accuracy_by_shift": (
        "Accuracy under each shift against accuracy in distribution. On the solid line nothing is lost.",
        "a task with shifted test sets",
    ),
}


@dataclass(frozen=True)
class Plot:
    """A plot and the two files that it was written to."""

    name: str  # `accuracy_by_shift_<task>`, else one of CAPTIONS
    title: str
    caption: str
    inches: float  # of width
    png: Path
    svg: Path


def caption(name: str) -> str:
    """How to read the plot of this name."""
    return CAPTIONS[kind(name)][0]


def kind(name: str) -> str:
    """The key of CAPTIONS for the name of a plot."""
    return "accuracy_by_shift" if name.startswith("accuracy_by_shift") else name


def absent(grid: Grid, plots: Sequence[Plot]) -> Iterator[str]:
    """Which plots could not be drawn, and what they need."""
    shown = {kind(plot.name) for plot in plots}
    for name, (_, needs) in CAPTIONS.items():
        if name not in shown:
            yield f"{name.replace('_', ' ')}: needs {needs}"
    if FULL in grid.methods and FULL not in grid.compared:
        yield f"{FULL} finished no task, so nothing is compared with it"
