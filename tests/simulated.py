"""python tests/simulated.py: how many 95 % intervals hold the truth in simulated comparisons, as tables."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.statistics import Interval, Sample, difference, interval, weights

MIDDLE, HIGH = (0.5, 0.9), (0.985, 0.995)  # where the tasks' accuracies lie
Samples = dict[str, Sample]


@dataclass(frozen=True)
class World:
    """Tasks with test images, and methods whose trained networks are not all alike."""

    tasks: int
    seeds: int
    images: int
    accuracies: tuple[float, float] = MIDDLE
    spread: float = 0.0  # standard deviation of how good the networks of a task really are
    own: float = 0.0  # share of the variance of an image's answers in which the networks of a task disagree
    gap: float = 0.0  # by which the second of two methods is worse
    common: float = 1.0  # share of the images that are as hard for the second method as for the first
    told: bool = True  # whether the records have the answers

    def drawn(self, dice: np.random.Generator, means: np.ndarray, lucks: np.ndarray) -> tuple[Samples, float]:
        """What is measured on all tasks, and the true mean, with `lucks` (tasks, images) how hard each image is.

        An image is as hard for every network, but for chance: one has its own luck with it, so that the answers of two
        have a correlation of 1 − own. The truth of one seed is that of the very network.
        """
        samples, truth = {}, 0.0
        for task, (mean, luck) in enumerate(zip(means, lucks, strict=True)):
            rigour = mean * (1 - mean) / self.spread**2 - 1 if self.spread else 0.0
            true = dice.beta(mean * rigour, (1 - mean) * rigour, self.seeds) if rigour else np.full(self.seeds, mean)
            right = luck < true[:, None]
            if self.own:
                alone = dice.random(right.shape, np.float32) < 1 - (1 - self.own) ** 0.5
                right = np.where(alone, dice.random(right.shape, np.float32) < true[:, None], right)
            answers = right if self.told else None
            samples[str(task)] = Sample(tuple(right.mean(axis=1).tolist()), self.images, answers)
            truth += (mean if self.seeds > 1 else float(true[0])) / self.tasks
        return samples, truth

    def mean(self, dice: np.random.Generator) -> tuple[Interval | None, float]:
        """The interval of the mean of a method, and its truth."""
        samples, truth = self.drawn(dice, self.levels(dice), self.luck(dice))
        return interval(samples, weights([list(samples)])), truth

    def difference(self, dice: np.random.Generator) -> tuple[Interval | None, float]:
        """The interval of the difference of two methods, and its truth."""
        levels, luck = self.levels(dice), self.luck(dice)
        first, truth = self.drawn(dice, levels, luck)
        second, other = self.drawn(
            dice, levels - self.gap, np.where(dice.random(luck.shape) < self.common, luck, self.luck(dice))
        )
        return difference(first, second, weights([list(first)])), truth - other

    def levels(self, dice: np.random.Generator) -> np.ndarray:
        return dice.uniform(*self.accuracies, self.tasks)

    def luck(self, dice: np.random.Generator) -> np.ndarray:
        """How hard each test image is (tasks, images)."""
        return dice.random((self.tasks, self.images), np.float32)


def coverage(drawn: Callable[[np.random.Generator], tuple[Interval | None, float]], times: int) -> float:
    """The share of `times` intervals that hold their truth."""
    dice = np.random.default_rng(0)
    found = (drawn(dice) for _ in range(times))
    return sum(made is not None and made.low <= truth <= made.high for made, truth in found) / times
