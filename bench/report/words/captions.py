"""What each plot is called and how to read it, and why one is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report.numbers.gains import FULL, LINEAR, SCRATCH
from bench.report.numbers.grid import Grid

# By the name of the plot: what it shows, and what it takes to draw it.
CAPTIONS = {
    "accuracy_by_flops": (
        "Mean test accuracy against the FLOPs that training takes. Up and to the left is better; a method below the "
        "grey stairs has a lower mean than another that costs no more.",
        "a mean accuracy and a count of training FLOPs",
    ),
    "accuracy_by_bytes": (
        "Mean test accuracy against the bytes that must be kept for each task besides the backbone.",
        "a mean accuracy and a count of stored bytes",
    ),
    "accuracy_by_seconds": (
        "Mean test accuracy against the time that training takes on the device of these runs.",
        "a mean accuracy and a training time",
    ),
    "accuracy_by_group": (
        "Accuracy against each cost in each group of tasks: the order of methods often changes with the kind of task.",
        "two groups of tasks or more that all methods finished",
    ),
    "accuracy_by_task": ("Every method on every task.", "a finished cell"),
    "gain_by_method": (
        f"How far each method is from {FULL} on each task, in points: blue is more accurate, red less.",
        f"{FULL} and another method on one task",
    ),
    "accuracy_by_rank": (
        "Average ranks over the tasks. Methods joined by a bar cannot be told apart by these tasks (Demšar 2006).",
        "three methods on two tasks that all of them finished",
    ),
    "gain_by_affinity": (
        "What a method gains over the linear probe, against how much pretraining itself helps on a task (Evci et al. "
        "2022, figure 1). At the left are the tasks least akin to what the backbone was trained on. A task is named at "
        "its highest point, where there is room.",
        f"{LINEAR}, {SCRATCH} and another method on two tasks",
    ),
    "chosen_by_layer": (
        "In which layers the features lie that a method keeps (after Evci et al. 2022): of those kept on a task, the "
        "percentage in each tap, mean over seeds. Features drawn at random would lie as in the first row; where a row "
        "is darker than that, the tap is preferred. Of features exactly alike head2toe_path keeps the first.",
        "a method that selects features, such as head2toe, and records that count them by tap",
    ),
    "accuracy_by_penalty": (
        "The penalties that head2toe_path solves where it is left to choose one, each a fraction of the least that "
        "keeps no feature, and what it chose from: the solution's own head, or one that is fitted again on as many "
        "features at every penalty. By validation images alone.",
        "a method that chooses among three penalties or more, as head2toe_path does where its penalty is left open",
    ),
    "accuracy_by_tuning_seconds": (
        "Which method to use at which budget: the test accuracy of what each method's tuning would have chosen, had it "
        "stopped there. Tuning chooses by validation accuracy alone; test accuracy was read after it had ended.",
        "recorded trials, and replays of those that led",
    ),
    "accuracy_by_tuning_flops": (
        "Which method to use at which budget, counted in FLOPs: the test accuracy of what each method's tuning would "
        "have chosen, had it stopped there.",
        "recorded trials with counted FLOPs, and replays of those that led",
    ),
    "tuning_by_draws": (
        "Validation accuracy to be expected of the best of n trials of random search, whatever the order in which they "
        "came (Dodge et al. 2019).",
        "trials of a random search",
    ),
    "tuning_by_trial": (
        "What tuning tried: at the left in the order of the trials, at the right by the method's first hyper-parameter "
        "that varied.",
        "recorded trials",
    ),
    "accuracy_by_shift": (
        "Accuracy under each shift against accuracy in distribution. On the solid line nothing is lost.",
        "a task with shifted test sets",
    ),
}


@dataclass(frozen=True)
class Plot:
    """A plot as it was written."""

    name: str  # `accuracy_by_shift_<task>`, else one of CAPTIONS
    title: str
    caption: str
    inches: float  # of width
    png: Path
    svg: Path


def caption(name: str) -> str:
    return CAPTIONS[kind(name)][0]


def kind(name: str) -> str:
    return "accuracy_by_shift" if name.startswith("accuracy_by_shift") else name


def absent(grid: Grid, plots: Sequence[Plot]) -> Iterator[str]:
    """Which plots could not be drawn, and what they would take."""
    shown = {kind(plot.name) for plot in plots}
    for name, (_, takes) in CAPTIONS.items():
        if name not in shown:
            yield f"{name.replace('_', ' ')}: takes {takes}"
    if FULL in grid.methods and FULL not in grid.compared:
        yield f"{FULL} finished no task, so nothing is compared with it"
