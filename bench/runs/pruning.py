"""Pruning: a trial whose validation accuracy falls behind that of earlier trials of the same length is given up."""

from __future__ import annotations

from collections.abc import Callable

from optuna.pruners import MedianPruner
from optuna.trial import Trial

from bench.runs.failure import GivenUp

SEARCHED, CHOSEN = 4, 2  # earlier trials that one is compared with at least: in a search, and in a recipe's own choice
WARMUP = 25  # percentage of a training before which none is given up
LENGTH = 1000  # Optuna's steps are this times the epochs of the trial, and the percentage of them that is done

GiveUp = Callable[[int, int, float], None]


class Pruned(GivenUp):
    """A trial was given up, because its validation accuracy fell behind that of earlier ones."""


def pruner(compared: int) -> MedianPruner:
    """Prunes a trial below the median of earlier ones, of which there are `compared` or more, at the same step."""
    return MedianPruner(n_startup_trials=0, n_min_trials=compared)


def reporter(trial: Trial, known: set[int]) -> GiveUp:
    """Reports a trial's accuracy as its training goes on. Where the study's pruner says so, it raises Pruned.

    What it returns takes the epochs that are done, those of the whole training, and the validation accuracy, a
    fraction. A step tells both how long the training is and which part of it is done: so a trial is only compared with
    trials of as many epochs. `known` are steps that were reported before an interruption.
    """

    def give_up(done: int, total: int, accuracy: float) -> None:
        percent = 100 * done // total
        step = total * LENGTH + percent
        if step not in known:
            trial.report(accuracy, step)
        if percent >= WARMUP and trial.should_prune():
            raise Pruned(f"given up after {percent} % of its epochs, at a validation accuracy of {accuracy:.3f}")

    return give_up
