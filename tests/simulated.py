"""python tests/simulated.py: how many 95 % intervals hold the truth in simulated comparisons, as tables."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
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


Row = tuple[int, int, int, tuple[float, float]]  # tasks, seeds, images, accuracies


def means() -> Iterator[Row]:
    yield from itertools.product((1,), (1, 2, 3, 5), (150, 1000, 5000), (MIDDLE, HIGH))
    yield from itertools.product((7, 19), (1, 2, 3), (1000,), (MIDDLE, HIGH))


def differences() -> Iterator[Row]:
    yield from itertools.product((1,), (1, 3), (150, 1000, 5000), (MIDDLE, HIGH))
    yield from itertools.product((7, 19), (1, 3), (1000,), (MIDDLE,))


def world(row: Row, points: float, own: float) -> World:
    """Networks whose true accuracies differ by so many points, or 0.3 times as many near 100 %, and disagree."""
    tasks, seeds, images, accuracies = row
    part = 1.0 if accuracies is MIDDLE else 0.3
    return World(tasks, seeds, images, accuracies, points * part / 100, own if seeds > 1 else 0.0)


def table(heads: Sequence[str], rows: Iterable[tuple[Row, Iterable[float]]]) -> None:
    print("| tasks | seeds | images | accuracies |", " | ".join(heads), "|\n|" + " --: |" * (4 + len(heads)))
    for (tasks, seeds, images, accuracies), shares in rows:
        about = [f"{tasks}", f"{seeds}", f"{images:,}", f"{100 * accuracies[0]:g} to {100 * accuracies[1]:g} %"]
        print("|", " | ".join([*about, *(f"{100 * share:.1f}" for share in shares)]), "|", flush=True)


def times(row: Row, most: int) -> int:
    return most if row[0] == 1 else most // 4


def main() -> None:
    """The tables of docs/statistics.md."""
    kinds = tuple(itertools.product((0.1, 1.0), (0.0, 0.1, 0.3, 0.45)))
    heads = [f"{points:g} pt, {100 * own:.0f} %" for points, own in kinds]
    print("means: points by which networks of a method differ, and disagreement by chance\n")
    table(heads, ((row, (coverage(world(row, *k).mean, times(row, 4000)) for k in kinds)) for row in means()))
    print("\nthe same of records without answers\n")
    bare = [row for row in means() if row[0] == 1 and row[1] > 1 and row[2] == 1000]
    table(heads, ((row, (coverage(replace(world(row, *k), told=False).mean, 2000) for k in kinds)) for row in bare))
    print("\ndifferences: points between the methods, and share of images as hard for both\n")
    pairs = tuple(itertools.product((0.0, 0.01, 0.05), (0.0, 0.5, 1.0)))
    heads = [f"{100 * gap:g} pt, {100 * common:.0f} %" for gap, common in pairs]
    worlds = ((row, (replace(world(row, 0.1, 0.3), gap=gap, common=common) for gap, common in pairs))
              for row in differences())  # fmt: skip
    table(heads, ((row, (coverage(one.difference, times(row, 2000)) for one in made)) for row, made in worlds))
    for told in (True, False):
        both = World(7, 3, 1000, spread=0.002, own=0.3, told=told)
        print(f"a difference over 7 tasks, 3 seeds, {told=}: {100 * coverage(both.difference, 1000):.1f} %", flush=True)


if __name__ == "__main__":
    main()
