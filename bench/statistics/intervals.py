"""95 % intervals of a mean accuracy, and of the difference of two, over test images and seeds.

Accuracies are fractions in 0..1. Errors are squared standard errors. docs/statistics.md says what the intervals cover.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.statistics.samples import Sample

SOURCES = ("images", "seeds")  # of chance
LEVEL = 0.975  # the probability below the upper end of a 95 % interval
NORMAL = float(special.ndtri(LEVEL))
TOWARDS_T = 1.25  # how the quantile moves from the normal to Student's t; docs/statistics.md has its coverage


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float
    covers: tuple[str, ...]  # the sources of chance in it: "images", "seeds" or both
    paired: bool = False  # True for a difference that was computed image by image


@dataclass(frozen=True)
class Estimate:
    """A weighted mean over tasks with its squared standard errors."""

    mean: float
    images_down: float  # from the choice of images, for the lower end: near 100 % a mean errs more downwards
    images_up: float  # the same for the upper end
    seeds: float  # from the choice of seeds
    welch: float  # Σ v² / (seeds + 1), with v the part of each task in `seeds`: for the degrees of freedom
    covers: tuple[str, ...]

    def minus(self, other: Estimate) -> Estimate:
        """The difference of two independent estimates (Newcombe 1998, method 10)."""
        return Estimate(
            self.mean - other.mean,
            self.images_down + other.images_up,
            self.images_up + other.images_down,
            self.seeds + other.seeds,
            self.welch + other.welch,
            self.covers,
        )


def weights(parts: Sequence[Sequence[str]]) -> dict[str, float]:
    """The weight of each task in the mean over `parts` of the mean over the tasks of each part.

    A single part with all tasks gives the mean of the tasks. One part for each group gives the mean of the group means.
    """
    return {task: 1 / (len(parts) * len(part)) for part in parts for task in part}


def interval(samples: Mapping[str, Sample], weight: Mapping[str, float]) -> Interval | None:
    """The interval of the mean over the tasks of `weight`, by those weights.

    It is None where neither the number of test images nor a second seed is known for every task, and where every
    known error is 0.
    """
    found = estimate(samples, weight)
    return None if found is None else _interval_of(found, 0.0)


def difference(
    first: Mapping[str, Sample], second: Mapping[str, Sample], weight: Mapping[str, float]
) -> Interval | None:
    """The interval of the first method's mean minus the second's, by the weights of the tasks.

    It is paired, image by image, where both methods have answers to the same images on every task. Otherwise it treats
    the images of the two methods as independent. That is too wide, because two methods mostly get the same images
    right. It covers the sources of chance that are known of both methods. It is None where there is no such source, and
    where every error is 0.
    """
    one, other = estimate(first, weight), estimate(second, weight)
    if one is not None and other is not None and one.covers != other.covers:
        shared = tuple(source for source in one.covers if source in other.covers)
        one, other = estimate(first, weight, shared), estimate(second, weight, shared)
    if one is None or other is None:
        return None
    pairs = [(first[task], second[task], share) for task, share in weight.items()]
    used = [(gap, share) for a, b, share in pairs if (gap := a.image_differences(b)) is not None]
    if len(used) < len(pairs):
        return _interval_of(one.minus(other), -1.0)
    residual = (
        sum(share**2 * (a.residual_error + b.residual_error) for a, b, share in pairs) if "seeds" in one.covers else 0.0
    )
    found = _interval_of(_paired(one.minus(other), used, residual), -1.0)
    return None if found is None else replace(found, paired=True)


def estimate(
    samples: Mapping[str, Sample], weight: Mapping[str, float], sources: Sequence[str] = SOURCES
) -> Estimate | None:
    """The weighted mean over the tasks of `weight`, with its errors from the given sources of chance.

    A source is covered only if it is known for every task. None is returned where no source is covered.
    """
    used = [(samples[task], share) for task, share in weight.items()]
    by_images = bool(used) and "images" in sources and all(sample.images for sample, _ in used)
    by_seeds = bool(used) and "seeds" in sources and all(len(sample.accuracies) > 1 for sample, _ in used)
    if not by_images and not by_seeds:
        return None
    mean = sum(share * sample.mean for sample, share in used)
    residual = sum(share**2 * sample.residual_error for sample, share in used) if by_seeds else 0.0
    down, up = _image_errors(used, mean, residual) if by_images else (0.0, 0.0)
    errors = [share**2 * sample.seed_variance / len(sample.accuracies) for sample, share in used] if by_seeds else []
    welch = sum(error**2 / (len(sample.accuracies) + 1) for error, (sample, _) in zip(errors, used, strict=False))
    covers = (*(["images"] if by_images else []), *(["seeds"] if by_seeds else []))
    return Estimate(mean, down, up, sum(errors), welch, covers)


def _image_errors(used: Sequence[tuple[Sample, float]], mean: float, residual: float) -> tuple[float, float]:
    """Squared standard errors of a weighted mean, down and up, that come from the choice of test images.

    `residual` is the part that the seeds' error holds already. The result is Wilson's interval (1927) for the number of
    images at which a single accuracy has the error of this mean. It is not symmetric near 100 %, and has a width even
    where all answers are right.
    """
    error = max(0.0, sum(share**2 * sample.image_error for sample, share in used) - residual)
    if_alike = 1 / sum(share**2 / (sample.images or 1) for sample, share in used)  # images, if all tasks were alike
    count = mean * (1 - mean) / error if error else if_alike
    slack = NORMAL**2 / count
    half = NORMAL * math.sqrt(error + slack / (4 * count))
    down, up = (half + side * slack * (mean - 0.5) for side in (1, -1))
    return (down / (NORMAL + NORMAL * slack)) ** 2, (up / (NORMAL + NORMAL * slack)) ** 2


def _paired(apart: Estimate, used: Sequence[tuple[NDArray[np.float64], float]], residual: float) -> Estimate:
    """The difference `apart` with its image errors computed image by image.

    `used` has the differences on each image (images,) and the weight of each task; `residual` is the part that the
    seeds' error holds already. The tasks count as one task with as many images. Two images are added to it: one that
    only the first method gets right, one that only the second gets right. So total agreement is not certainty
    (Bonett and Price 2012, Journal of Educational and Behavioral Statistics 37, for single answers).
    """
    count = 1 / sum(share**2 / len(gap) for gap, share in used)
    squared = count * sum(share**2 * float(gap.var()) / len(gap) for gap, share in used) + apart.mean**2
    mean = apart.mean * count / (count + 2)
    whole = ((squared * count + 2) / (count + 2) - mean**2) / (count + 2)
    images = max(2 / (count + 2) ** 2, whole - residual)  # never below the error that the two added images give alone
    return replace(apart, mean=mean, images_down=images, images_up=images)


def _interval_of(found: Estimate, least: float) -> Interval | None:
    """The interval of an estimate, clipped to `least`..1.

    It is None where all errors are 0: seeds that agree exactly do not make a mean certain.
    """
    if not found.images_down + found.images_up + found.seeds:
        return None
    low, high = found.mean - reach(found, found.images_down), found.mean + reach(found, found.images_up)
    return Interval(max(least, low), min(1.0, high), found.covers)


def reach(found: Estimate, images: float) -> float:
    """The distance of an end of the interval from the mean; `images` is the squared image error on that side.

    The image error takes the normal quantile. The seeds' error takes Student's t with the degrees of freedom of Welch
    (1947, Biometrika 34). For one task they are seeds − 1; for several tasks that vary alike, nearly the sum. In
    between, the quantile follows the seeds' share of the variance to the power of 1.25. Two known rules were not used:
    weights by the share itself (Cochran 1964) are too wide for two seeds, and degrees of freedom of the whole
    (Satterthwaite 1946, Biometrics Bulletin 2) are too narrow.
    """
    total = images + found.seeds
    if not found.seeds:
        return NORMAL * math.sqrt(total)
    of_seeds = float(special.stdtrit(found.seeds**2 / found.welch - 2, LEVEL))
    return (NORMAL + math.pow(found.seeds / total, TOWARDS_T) * (of_seeds - NORMAL)) * math.sqrt(total)
