"""Spread over seeds, and bootstrap intervals of accuracies over test images and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 4_000  # of a bootstrap; the ends of an interval then vary by about a hundredth of its width
LEVEL = 0.95
BEYOND = (1 - LEVEL) / 2  # on either side


@dataclass(frozen=True)
class Spread:
    """Figures of one method on one task over its seeds."""

    mean: float
    std: float | None  # sample standard deviation (n - 1); None for a single seed
    median: float
    count: int


@dataclass(frozen=True)
class Sample:
    """What was measured of one method on one task: its accuracy for each seed, and on how many test images."""

    accuracies: tuple[float, ...]
    images: int | None  # None where the records do not say


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and the sources of chance that it covers: of "images" and "seeds"."""

    low: float
    high: float
    covers: tuple[str, ...]


def spread(values: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and median of at least one value."""
    array = np.asarray(values, dtype=float)
    std = float(array.std(ddof=1)) if len(array) > 1 else None
    return Spread(float(array.mean()), std, float(np.median(array)), len(array))


def weights(parts: Sequence[Sequence[str]]) -> dict[str, float]:
    """The weight of each task in the mean over parts of the mean over the tasks of each.

    One part with all tasks gives the mean of the tasks, one part a group the mean of the group means.
    """
    return {task: 1 / (len(parts) * len(part)) for part in parts for task in part}


def interval(samples: Mapping[str, Sample], weight: Mapping[str, float]) -> Interval | None:
    """A bootstrap interval of the weighted mean over the tasks of `weight`; None where no source of chance is known."""
    found = bootstrap(samples, weight, np.random.default_rng(0))
    return None if found is None else ends(*found, 0.0)


def difference(
    first: Mapping[str, Sample], second: Mapping[str, Sample], weight: Mapping[str, float]
) -> Interval | None:
    """As `interval`, of the first method's mean minus the second's.

    Both are drawn independently. They were judged on the same images, and what one gets right the other mostly does
    too, so the interval is rather too wide than too narrow.
    """
    dice = np.random.default_rng(0)
    one, other = bootstrap(first, weight, dice), bootstrap(second, weight, dice)
    if one is None or other is None or one[1] != other[1]:
        return None
    return ends(one[0] - other[0], one[1], -1.0)


def bootstrap(
    samples: Mapping[str, Sample], weight: Mapping[str, float], dice: np.random.Generator
) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Draws of the weighted mean (draws,), and the sources of chance in them; a source must be known for every task.

    Images: Rubin's Bayesian bootstrap (1981) of correct and wrong answers, half a case added to each (Jeffreys' prior;
    Brown, Cai and DasGupta 2001), so that 100 % correct does not give an interval of no width. All seeds of a task
    share one draw, since they were judged on the same images. Seeds: Student's t with the degrees of freedom of Welch
    and Satterthwaite, since drawing from three seeds with replacement covers far too little.
    """
    used = [(samples[task], share) for task, share in weight.items()]
    by_images = bool(used) and all(sample.images for sample, _ in used)
    by_seeds = bool(used) and all(len(sample.accuracies) > 1 for sample, _ in used)
    if not by_images and not by_seeds:
        return None
    mean = np.array([np.mean(sample.accuracies) for sample, _ in used]).clip(0, 1)
    share = np.array([share for _, share in used])
    draws = np.full(DRAWS, float(share @ mean))
    if by_images:
        count = np.array([sample.images for sample, _ in used], dtype=float)
        right = mean * count
        draws = share @ dice.beta(right[:, None] + 0.5, (count - right)[:, None] + 0.5, (len(used), DRAWS))
    if by_seeds:
        draws = draws + seed_draws(used, dice)
    return draws, (*(["images"] if by_images else []), *(["seeds"] if by_seeds else []))


def seed_draws(used: Sequence[tuple[Sample, float]], dice: np.random.Generator) -> np.ndarray:
    """Errors (draws,) of a weighted mean that come from the choice of seeds."""
    counts = np.array([len(sample.accuracies) for sample, _ in used])
    of_task = np.array([share**2 * np.var(sample.accuracies, ddof=1) for sample, share in used]) / counts
    total = float(of_task.sum())
    if total == 0:
        return np.zeros(DRAWS)
    freedom = total**2 / float((of_task**2 / (counts - 1)).sum())
    return math.sqrt(total) * dice.standard_t(freedom, DRAWS)


def ends(draws: np.ndarray, covers: tuple[str, ...], least: float) -> Interval | None:
    """The percentiles that leave out 2.5 % on either side, within what is possible.

    None where all draws are alike: what does not depend on the seed is not certain for that.
    """
    if draws.min() == draws.max():
        return None
    low, high = np.quantile(draws, [BEYOND, 1 - BEYOND])
    return Interval(max(least, float(low)), min(1.0, float(high)), covers)
