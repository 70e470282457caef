"""Pruning: a trial whose validation accuracy falls behind that of earlier trials is given up."""

from __future__ import annotations

from collections.abc import Callable

from optuna.pruners import MedianPruner
from optuna.trial import Trial

from bench.runs.failure import GivenUp

STARTUP, WARMUP = 4, 25  # trials that are never pruned; percentage of a training before which none is

GiveUp = Callable[[int, float], None]


class Pruned(GivenUp):
    """A trial was given up, because its validation accuracy fell behind that of earlier ones."""


def pruner() -> MedianPruner:
    """Prunes a trial that is below the median of earlier ones at the same part of their training."""
    return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP)


def reporter(trial: Trial, known: set[int]) -> GiveUp:
    """Reports a trial's accuracy as its training goes on. Where the study's pruner says so, it raises Pruned.

    What it returns takes the percentage of the training that is done, and the validation accuracy, a fraction. `known`
    are percentages that were reported before an interruption.
    """

    def give_up(percent: int, accuracy: float) -> None:
        if percent not in known:
            trial.report(accuracy, percent)
        if trial.should_prune():
            raise Pruned(f"given up after {percent} % of its epochs, at a validation accuracy of {accuracy:.3f}")

    return give_up
