"""What tuning chose for a method on a task, and the trials that led its study for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.records.cells import Cell, Cost, TrialFacts, TuningFacts
from bench.spec import Method


@dataclass(frozen=True)
class Leader:
    """A trial that was the best of its study for a while, with what is needed to evaluate it once the study is over."""

    cell: Cell
    trial: TrialFacts
    files: tuple[Path, ...]  # deltas, one a fold


@dataclass(frozen=True)
class Choice:
    """The method to train on all images, and how its hyper-parameters were chosen."""

    method: Method
    facts: TuningFacts
    accuracy: float | None  # on validation images; None without a finished trial
    flops: int  # attributed, of all trials without the shared pass
    seconds: float  # likewise
    leaders: tuple[Leader, ...]

    def on(self, cost: Cost) -> Cost:
        """The cost with that of the tuning added to it."""
        return replace(cost, tune_flops=self.flops, tune_seconds=self.seconds)
