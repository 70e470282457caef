"""Pruning: a trial whose validation accuracy falls behind that of earlier trials of the same length is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from optuna.pruners import PercentilePruner
from optuna.trial import Trial

from bench.runs.failure import GivenUp


class Compared(NamedTuple):
    """With which earlier trials, of those that reported the same step, a trial is compared."""

    least: int  # so many of them; with fewer it goes on
    best: float  # percentage of them, from the best down, with the worst of whom it must keep up


# The few values of a recipe's own choice differ much: high learning rates are often behind the median until late, and
# end as the best. There a trial goes on unless it is worse than each earlier one.
SEARCHED, CHOSEN = Compared(4, 50.0), Compared(2, 100.0)
WARMUP = 25  # percentage of a training before which none is given up
LENGTH = 1000  # Optuna's steps are this times the epochs of the trial, and the percentage of them that is done

GiveUp = Callable[[int, int, float], None]


class Pruned(GivenUp):
    """A trial was given up, because its validation accuracy fell behind that of earlier ones."""


def pruner(compared: Compared) -> PercentilePruner:
    """Prunes a trial whose best accuracy so far is below that of the earlier ones that it must keep up with."""
    return PercentilePruner(compared.best, n_startup_trials=0, n_min_trials=compared.least)


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
