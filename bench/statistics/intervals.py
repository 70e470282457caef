"""Spread over seeds, and intervals of accuracies over test images and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

UP_TO = 0.975  # of the chance lies below the upper end of a 95 % interval
NORMAL = float(special.ndtri(UP_TO))
OWN = 0.25  # of the variance of an image's answers at most is the seeds' own; docs/statistics.md has what was measured


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


@dataclass(frozen=True)
class Estimate:
    """A weighted mean over tasks, and the squared standard errors that the choice of images and of seeds gives it."""

    mean: float
    below: float  # of the images, for the lower end: near 100 % a mean errs further downwards than upwards
    above: float
    seeds: float
    doubt: float  # Σ variance² / (seeds − 1) over the tasks, for the degrees of freedom of `seeds`
    covers: tuple[str, ...]

    def minus(self, other: Estimate) -> Estimate:
        """The difference of two estimates that know nothing of each other (Newcombe 1998, method 10)."""
        return Estimate(
            self.mean - other.mean,
            self.below + other.above,
            self.above + other.below,
            self.seeds + other.seeds,
            self.doubt + other.doubt,
            self.covers,
        )


def interval(samples: Mapping[str, Sample], weight: Mapping[str, float]) -> Interval | None:
    """The interval of the weighted mean over the tasks of `weight`; None where no source of chance is known."""
    found = estimate(samples, weight)
    return None if found is None else ends(found, 0.0)


def difference(
    first: Mapping[str, Sample], second: Mapping[str, Sample], weight: Mapping[str, float]
) -> Interval | None:
    """As `interval`, of the first method's mean minus the second's, as if their images were not the same.

    They are, and what one method gets right the other mostly does too, so the interval is too wide; how much, no
    accuracy tells.
    """
    one, other = estimate(first, weight), estimate(second, weight)
    if one is None or other is None or one.covers != other.covers:
        return None
    return ends(one.minus(other), -1.0)


def estimate(samples: Mapping[str, Sample], weight: Mapping[str, float]) -> Estimate | None:
    """The weighted mean and its errors; a source of chance must be known for every task to count, None without any."""
    used = [(samples[task], share) for task, share in weight.items()]
    by_images = bool(used) and all(sample.images for sample, _ in used)
    by_seeds = bool(used) and all(len(sample.accuracies) > 1 for sample, _ in used)
    if not by_images and not by_seeds:
        return None
    mean = sum(share * average(sample) for sample, share in used)
    below, above = image_errors(used, mean) if by_images else (0.0, 0.0)
    errors = [share**2 * variance(sample) / len(sample.accuracies) for sample, share in used] if by_seeds else []
    doubt = sum(error**2 / (len(sample.accuracies) - 1) for error, (sample, _) in zip(errors, used, strict=False))
    covers = (*(["images"] if by_images else []), *(["seeds"] if by_seeds else []))
    return Estimate(mean, below, above, sum(errors), doubt, covers)


def average(sample: Sample) -> float:
    """The mean over the seeds, within 0..1."""
    return min(1.0, max(0.0, float(np.mean(sample.accuracies))))


def variance(sample: Sample) -> float:
    """Between the seeds; 0 for a single one, and exactly 0 where they agree."""
    return float(np.var(sample.accuracies, ddof=1)) if len(set(sample.accuracies)) > 1 else 0.0


def image_errors(used: Sequence[tuple[Sample, float]], mean: float) -> tuple[float, float]:
    """Squared standard errors of a weighted mean, down and up, from the choice of test images.

    Those of Wilson's interval (1927) for as many images as would give one accuracy the error of this mean: it is not
    symmetric near 100 %, and has a width even where all answers are right.
    """
    error = sum(share**2 * image_error(sample) for sample, share in used)
    alike = 1 / sum(share**2 / (sample.images or 1) for sample, share in used)  # images, were the tasks all alike
    count = mean * (1 - mean) / error if error else alike
    slack = NORMAL**2 / count
    half = NORMAL * math.sqrt(error + slack / (4 * count))
    down, up = (half + side * slack * (mean - 0.5) for side in (1, -1))
    return (down / (NORMAL + NORMAL * slack)) ** 2, (up / (NORMAL + NORMAL * slack)) ** 2


def image_error(sample: Sample) -> float:
    """p (1 − p) / n of an accuracy that all seeds had on the same images, less what is the seeds' own.

    That is the part that comes from seeds disagreeing on single images, and it is in the variance between the seeds
    already. Accuracies do not tell it apart; it is no more than that variance.
    """
    accuracy = average(sample)
    whole = accuracy * (1 - accuracy) / (sample.images or 1)
    return whole - min(OWN * whole, variance(sample))


def ends(found: Estimate, least: float) -> Interval | None:
    """Both ends, within what is possible; None without any error: what the seeds agree on is not certain for that."""
    if not found.below + found.above + found.seeds:
        return None
    low, high = found.mean - reach(found, found.below), found.mean + reach(found, found.above)
    return Interval(max(least, low), min(1.0, high), found.covers)


def reach(found: Estimate, images: float) -> float:
    """How far an end is from the mean, of which `images` is the squared standard error on its side.

    A normal quantile holds for the images, Student's t for the seeds, with the degrees of freedom of Welch and
    Satterthwaite. Cochran (1964) weights the two by their shares of the variance, which for two or three seeds is too
    wide, and Welch's degrees of freedom of the whole are too narrow; the power of 1.5 is between.
    """
    total = images + found.seeds
    if not found.seeds:
        return NORMAL * math.sqrt(total)
    of_seeds = float(special.stdtrit(found.seeds**2 / found.doubt, UP_TO))
    return (NORMAL + math.pow(found.seeds / total, 1.5) * (of_seeds - NORMAL)) * math.sqrt(total)
