"""python tests/simulated.py: how many 95 % intervals hold the truth in simulated comparisons, as a table."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.statistics import Sample, difference, interval, weights

MIDDLE, HIGH = (0.5, 0.9), (0.985, 0.995)  # where the tasks' accuracies lie


@dataclass(frozen=True)
class World:
    """Tasks with test images, and a method whose trained networks are not all alike."""

    tasks: int
    seeds: int
    images: int
    accuracies: tuple[float, float] = MIDDLE
    spread: float = 0.0  # standard deviation of how good the networks of a task really are
    own: float = 0.0  # share of the variance of an image's answers in which the networks of a task disagree

    def drawn(self, dice: np.random.Generator, shared: np.ndarray) -> tuple[dict[str, Sample], float]:
        """What is measured on all tasks, and the true mean, with `shared` (tasks, images) the luck of each image.

        An image is as hard for every network, but for chance: one has its own luck with it, so that the answers of two
        have a correlation of 1 − own. The truth of one seed is that of the very network.
        """
        samples, truth = {}, 0.0
        for task, luck in enumerate(shared):
            mean = dice.uniform(*self.accuracies)
            rigour = mean * (1 - mean) / self.spread**2 - 1 if self.spread else 0.0
            true = dice.beta(mean * rigour, (1 - mean) * rigour, self.seeds) if rigour else np.full(self.seeds, mean)
            alone = dice.random((self.seeds, self.images)) < 1 - (1 - self.own) ** 0.5
            lucks = np.where(alone, dice.random((self.seeds, self.images)), luck)
            samples[str(task)] = Sample(tuple((lucks < true[:, None]).mean(axis=1).tolist()), self.images)
            truth += (mean if self.seeds > 1 else float(true[0])) / self.tasks
        return samples, truth

    def luck(self, dice: np.random.Generator) -> np.ndarray:
        """How hard each test image is (tasks, images)."""
        return dice.random((self.tasks, self.images))


def coverage(world: World, times: int) -> float:
    """The share of `times` intervals of a mean that hold its truth."""
    dice, held = np.random.default_rng(0), 0
    for _ in range(times):
        samples, truth = world.drawn(dice, world.luck(dice))
        found = interval(samples, weights([list(samples)]))
        held += found is not None and found.low <= truth <= found.high
    return held / times


def coverage_of_difference(world: World, same: bool, times: int) -> float:
    """The share of `times` intervals of a difference that hold its truth; both methods may see the `same` images."""
    dice, held = np.random.default_rng(0), 0
    for _ in range(times):
        luck = world.luck(dice)
        first, truth = world.drawn(dice, luck)
        second, other = world.drawn(dice, luck if same else world.luck(dice))
        found = difference(first, second, weights([list(first)]))
        held += found is not None and found.low <= truth - other <= found.high
    return held / times


def rows() -> Iterator[tuple[int, int, int, tuple[float, float]]]:
    """Tasks, seeds, images and accuracies of a line of the table."""
    yield from itertools.product((1,), (1, 2, 3, 5), (150, 1000, 5000), (MIDDLE, HIGH))
    yield from itertools.product((7, 19), (1, 2, 3), (1000,), (MIDDLE, HIGH))


def main() -> None:
    """The table of docs/statistics.md, and the line on differences."""
    kinds = tuple(itertools.product((0.1, 1.0), (0.0, 0.1, 0.3, 0.45)))
    heads = [f"{points:g} pt, {100 * own:.0f} %" for points, own in kinds]
    print("| tasks | seeds | images | accuracies |", " | ".join(heads), "|\n|" + " --: |" * (4 + len(kinds)))
    for tasks, seeds, images, accuracies in rows():
        cells = [f"{tasks}", f"{seeds}", f"{images:,}", f"{100 * accuracies[0]:g} to {100 * accuracies[1]:g} %"]
        part = 1.0 if accuracies is MIDDLE else 0.3
        for points, own in kinds:
            if seeds == 1 and own:  # nothing to disagree with
                cells.append("")
                continue
            world = World(tasks, seeds, images, accuracies, points * part / 100, own)
            cells.append(f"{100 * coverage(world, 2000 if tasks == 1 else 1000):.1f}")
        print("|", " | ".join(cells), "|", flush=True)
    for same, seeds in itertools.product((False, True), (1, 3)):
        world = World(7, seeds, 1000, spread=0.002, own=0.3)
        print(f"difference, {same=}, {seeds=}: {100 * coverage_of_difference(world, same, 1000):.1f} %", flush=True)


if __name__ == "__main__":
    main()
