"""Spread over seeds, and intervals of accuracies over test images and seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

UP_TO = 0.975  # of the chance lies below the upper end of a 95 % interval
NORMAL = float(special.ndtri(UP_TO))
TOWARDS_T = 1.25  # how the quantile goes from normal to Student's t: docs/statistics.md has what this holds


@dataclass(frozen=True)
class Spread:
    """Figures of one method on one task over its seeds."""

    mean: float
    std: float | None  # sample standard deviation (n - 1); None for a single seed
    median: float
    count: int


@dataclass(frozen=True)
class Sample:
    """What was measured of one method on one task: its accuracy for each seed, and which images it got right."""

    accuracies: tuple[float, ...]
    images: int | None  # how many were tested; None where the records do not say
    answers: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)  # (seeds, images), if known
    data: str = ""  # alike for methods that were tested on the same images

    @cached_property
    def rates(self) -> NDArray[np.float64] | None:
        """By how many of the seeds each image was answered rightly, a fraction; None where that is not known."""
        return None if self.answers is None else np.asarray(self.answers.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and the sources of chance that it covers: of "images" and "seeds"."""

    low: float
    high: float
    covers: tuple[str, ...]
    paired: bool = False  # of a difference: image by image


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
    doubt: float  # Σ variance² / (seeds + 1) over the tasks, for the degrees of freedom of `seeds`
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
    """As `interval`, of the first method's mean minus the second's; paired where both have answers to the same images.

    Elsewhere it is as if their images were not the same, which is too wide: what one gets right the other mostly does.
    """
    one, other = estimate(first, weight), estimate(second, weight)
    if one is None or other is None or one.covers != other.covers:
        return None
    pairs = [(first[task], second[task], share) for task, share in weight.items()]
    used = [(gap, share) for a, b, share in pairs if (gap := gaps(a, b)) is not None]
    if len(used) < len(pairs):
        return ends(one.minus(other), -1.0)
    twice = sum(share**2 * (own(a) + own(b)) for a, b, share in pairs) if "seeds" in one.covers else 0.0
    found = ends(paired(one.minus(other), used, twice), -1.0)
    return None if found is None else replace(found, paired=True)


def estimate(samples: Mapping[str, Sample], weight: Mapping[str, float]) -> Estimate | None:
    """The weighted mean and its errors; a source of chance must be known for every task to count, None without any."""
    used = [(samples[task], share) for task, share in weight.items()]
    by_images = bool(used) and all(sample.images for sample, _ in used)
    by_seeds = bool(used) and all(len(sample.accuracies) > 1 for sample, _ in used)
    if not by_images and not by_seeds:
        return None
    mean = sum(share * average(sample) for sample, share in used)
    twice = sum(share**2 * own(sample) for sample, share in used) if by_seeds else 0.0
    below, above = image_errors(used, mean, twice) if by_images else (0.0, 0.0)
    errors = [share**2 * variance(sample) / len(sample.accuracies) for sample, share in used] if by_seeds else []
    doubt = sum(error**2 / (len(sample.accuracies) + 1) for error, (sample, _) in zip(errors, used, strict=False))
    covers = (*(["images"] if by_images else []), *(["seeds"] if by_seeds else []))
    return Estimate(mean, below, above, sum(errors), doubt, covers)


def average(sample: Sample) -> float:
    """The mean over the seeds, within 0..1."""
    return min(1.0, max(0.0, float(np.mean(sample.accuracies))))


def variance(sample: Sample) -> float:
    """Between the seeds; 0 for a single one, and exactly 0 where they agree."""
    return float(np.var(sample.accuracies, ddof=1)) if len(set(sample.accuracies)) > 1 else 0.0


def image_errors(used: Sequence[tuple[Sample, float]], mean: float, twice: float) -> tuple[float, float]:
    """Squared standard errors of a weighted mean, down and up, from the choice of test images, less what counts twice.

    Those of Wilson's interval (1927) for as many images as would give one accuracy the error of this mean: it is not
    symmetric near 100 %, and has a width even where all answers are right.
    """
    error = max(0.0, sum(share**2 * image_error(sample) for sample, share in used) - twice)
    alike = 1 / sum(share**2 / (sample.images or 1) for sample, share in used)  # images, were the tasks all alike
    count = mean * (1 - mean) / error if error else alike
    slack = NORMAL**2 / count
    half = NORMAL * math.sqrt(error + slack / (4 * count))
    down, up = (half + side * slack * (mean - 0.5) for side in (1, -1))
    return (down / (NORMAL + NORMAL * slack)) ** 2, (up / (NORMAL + NORMAL * slack)) ** 2


def image_error(sample: Sample) -> float:
    """Squared standard error that the choice of images gives the mean over the seeds.

    Of one seed, and without answers, p (1 − p) / n, which is rather too much for several.
    """
    accuracy, rates = average(sample), sample.rates
    return (accuracy * (1 - accuracy) if rates is None else float(rates.var())) / (sample.images or 1)


def own(sample: Sample) -> float:
    """The part of `image_error` and of the variance between seeds that comes from their disagreeing on single images.

    It is in both, and to be counted once: in a table of seeds × images, both drawn at random, the variance of the mean
    is (MS_images + MS_seeds − MS_residual) / (seeds · images), of which this is the last part (Cornfield and Tukey
    1956, Annals of Mathematical Statistics 27). 0 where the answers are not known.
    """
    rates, accuracy, seeds = sample.rates, average(sample), len(sample.accuracies)
    if rates is None or seeds < 2 or len(rates) < 2:
        return 0.0
    residual = accuracy * (1 - accuracy) - float(rates.var()) - float(np.var(sample.accuracies))
    return max(0.0, residual) / ((len(rates) - 1) * (seeds - 1))


def gaps(first: Sample, second: Sample) -> NDArray[np.float64] | None:
    """The difference of the two on each image; None unless both say it of the same images."""
    if first.rates is None or second.rates is None or first.data != second.data:
        return None
    return first.rates - second.rates if len(first.rates) == len(second.rates) else None


def paired(apart: Estimate, used: Sequence[tuple[NDArray[np.float64], float]], twice: float) -> Estimate:
    """A difference with its errors over images taken from the weighted `gaps` of each task, less what counts twice.

    They are those of one task with as many images, two of which are added, one that only the first method gets right
    and one that only the second does: what they agree on is not certain for that (Bonett and Price 2012, Journal of
    Educational and Behavioral Statistics 37, for single answers).
    """
    count = 1 / sum(share**2 / len(gap) for gap, share in used)
    squared = count * sum(share**2 * float(gap.var()) / len(gap) for gap, share in used) + apart.mean**2
    mean = apart.mean * count / (count + 2)
    whole = ((squared * count + 2) / (count + 2) - mean**2) / (count + 2)
    images = max(2 / (count + 2) ** 2, whole - twice)  # that of the added ones at least
    return replace(apart, mean=mean, below=images, above=images)


def ends(found: Estimate, least: float) -> Interval | None:
    """Both ends, within what is possible; None without any error: what the seeds agree on is not certain for that."""
    if not found.below + found.above + found.seeds:
        return None
    low, high = found.mean - reach(found, found.below), found.mean + reach(found, found.above)
    return Interval(max(least, low), min(1.0, high), found.covers)


def reach(found: Estimate, images: float) -> float:
    """How far an end is from the mean, of which `images` is the squared standard error on its side.

    A normal quantile holds for the images, Student's t for the seeds, with the degrees of freedom of Welch (1947,
    Biometrika 34): of one task those of its seeds, of several nearly their sum where they vary alike. Between the two,
    Cochran (1964) weights by the share of the variance, which is too wide for two seeds; degrees of freedom of the
    whole (Satterthwaite 1946, Biometrics Bulletin 2) are too narrow.
    """
    total = images + found.seeds
    if not found.seeds:
        return NORMAL * math.sqrt(total)
    of_seeds = float(special.stdtrit(found.seeds**2 / found.doubt - 2, UP_TO))
    return (NORMAL + math.pow(found.seeds / total, TOWARDS_T) * (of_seeds - NORMAL)) * math.sqrt(total)
