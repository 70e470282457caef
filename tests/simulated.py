"""python tests/simulated.py

Prints, for simulated comparisons, the share of 95 % intervals that contain the truth: the tables of docs/statistics.md.
"""

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
    """Simulated tasks with test images, and one or two methods with several trained networks each."""

    tasks: int
    seeds: int
    images: int
    accuracies: tuple[float, float] = MIDDLE  # the tasks' accuracies are uniform between these
    spread: float = 0.0  # standard deviation of the true accuracies of a task's networks
    own: float = 0.0  # share of the variance of an answer that is a network's own: answers of two correlate by 1 − own
    gap: float = 0.0  # the second of two methods is worse by this much
    common: float = 1.0  # share of the images that are as hard for the second method as for the first
    told: bool = True  # whether the records have the answers

    def drawn(self, dice: np.random.Generator, means: np.ndarray, lucks: np.ndarray) -> tuple[Samples, float]:
        """What is measured on all tasks, and the true mean accuracy.

        `means` (tasks,) are the tasks' accuracies, `lucks` (tasks, images) say how hard each image is. An image is
        equally hard for every network, except for the share `own` of chance. With one seed the truth is the accuracy
        of that network; with several it is the task's accuracy.
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
        """The interval of a method's mean, and the true mean."""
        samples, truth = self.drawn(dice, self.levels(dice), self.luck(dice))
        return interval(samples, weights([list(samples)])), truth

    def difference(self, dice: np.random.Generator) -> tuple[Interval | None, float]:
        """The interval of the difference of two methods, and the true difference."""
        levels, luck = self.levels(dice), self.luck(dice)
        first, truth = self.drawn(dice, levels, luck)
        second, other = self.drawn(
            dice, levels - self.gap, np.where(dice.random(luck.shape) < self.common, luck, self.luck(dice))
        )
        return difference(first, second, weights([list(first)])), truth - other

    def levels(self, dice: np.random.Generator) -> np.ndarray:
        """The accuracies of the tasks (tasks,)."""
        return dice.uniform(*self.accuracies, self.tasks)

    def luck(self, dice: np.random.Generator) -> np.ndarray:
        """How hard each test image is (tasks, images)."""
        return dice.random((self.tasks, self.images), np.float32)


def coverage(drawn: Callable[[np.random.Generator], tuple[Interval | None, float]], times: int) -> float:
    """The share of `times` intervals that contain their truth."""
    dice = np.random.default_rng(0)
    found = (drawn(dice) for _ in range(times))
    return sum(made is not None and made.low <= truth <= made.high for made, truth in found) / times


Row = tuple[int, int, int, tuple[float, float]]  # tasks, seeds, images, accuracies


def means() -> Iterator[Row]:
    """The rows of the table of means."""
    yield from itertools.product((1,), (1, 2, 3, 5), (150, 1000, 5000), (MIDDLE, HIGH))
    yield from itertools.product((7, 19), (1, 2, 3), (1000,), (MIDDLE, HIGH))


def differences() -> Iterator[Row]:
    """The rows of the table of differences."""
    yield from itertools.product((1,), (1, 3), (150, 1000, 5000), (MIDDLE, HIGH))
    yield from itertools.product((7, 19), (1, 3), (1000,), (MIDDLE,))


def world(row: Row, points: float, own: float) -> World:
    """Networks whose true accuracies have a standard deviation of `points`, or 0.3 times as much near 100 %."""
    tasks, seeds, images, accuracies = row
    part = 1.0 if accuracies is MIDDLE else 0.3
    return World(tasks, seeds, images, accuracies, points * part / 100, own if seeds > 1 else 0.0)


def table(heads: Sequence[str], rows: Iterable[tuple[Row, Iterable[float]]]) -> None:
    """Prints a Markdown table, a row as soon as it is known."""
    print("| tasks | seeds | images | accuracies |", " | ".join(heads), "|\n|" + " --: |" * (4 + len(heads)))
    for (tasks, seeds, images, accuracies), shares in rows:
        about = [f"{tasks}", f"{seeds}", f"{images:,}", f"{100 * accuracies[0]:g} to {100 * accuracies[1]:g} %"]
        print("|", " | ".join([*about, *(f"{100 * share:.1f}" for share in shares)]), "|", flush=True)


def times(row: Row, most: int) -> int:
    """The number of intervals for a row: a quarter of `most` for several tasks."""
    return most if row[0] == 1 else most // 4


def main() -> None:
    """Prints the tables of docs/statistics.md."""
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
