"""What was measured of one method on one task, and the variances that follow from it.

Accuracies are fractions in 0..1. A variance or an error is in squared fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spread:
    """Centre and spread of one method's accuracies on one task over its seeds."""

    mean: float
    std: float | None  # sample standard deviation (n - 1); None for a single seed
    median: float
    count: int  # seeds


def spread(values: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and median of at least one value."""
    array = np.asarray(values, dtype=float)
    std = float(array.std(ddof=1)) if len(array) > 1 else None
    return Spread(float(array.mean()), std, float(np.median(array)), len(array))


@dataclass(frozen=True)
class Sample:
    """What was measured of one method on one task."""

    accuracies: tuple[float, ...]  # one for each seed
    images: int | None  # number of test images; None where the records do not say
    answers: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)
    # (seeds, images): True where the answer was right; None where the records do not say
    data: str = ""  # names the test images: two samples with the same text were tested on the same images

    @cached_property
    def rates(self) -> NDArray[np.float64] | None:
        """For each image, the fraction of the seeds that got it right, (images,); None without answers."""
        return None if self.answers is None else np.asarray(self.answers.mean(axis=0), dtype=np.float64)

    @property
    def mean(self) -> float:
        """The mean accuracy over the seeds, clipped to 0..1."""
        return min(1.0, max(0.0, float(np.mean(self.accuracies))))

    @property
    def seed_variance(self) -> float:
        """The variance between the seeds (n - 1); exactly 0 for a single seed and where all seeds agree."""
        return float(np.var(self.accuracies, ddof=1)) if len(set(self.accuracies)) > 1 else 0.0

    @property
    def image_error(self) -> float:
        """The squared standard error of the mean over the seeds that comes from the choice of test images.

        With answers it is the variance of `rates` divided by n images. For a single seed that equals p (1 − p) / n.
        Without answers p (1 − p) / n is used; for several seeds this is somewhat too large.
        """
        accuracy, rates = self.mean, self.rates
        return (accuracy * (1 - accuracy) if rates is None else float(rates.var())) / (self.images or 1)

    @property
    def residual_error(self) -> float:
        """The part that `image_error` and `seed_variance` / seeds both contain; 0 without answers.

        It comes from seeds that disagree on single images, and must be counted only once. In a table of
        seeds × images, both drawn at random, the variance of the mean is
        (MS_images + MS_seeds − MS_residual) / (seeds · images); this is its last term, MS_residual / (seeds · images)
        (Cornfield and Tukey 1956, Annals of Mathematical Statistics 27).
        """
        rates, accuracy, seeds = self.rates, self.mean, len(self.accuracies)
        if rates is None or seeds < 2 or len(rates) < 2:
            return 0.0
        residual = accuracy * (1 - accuracy) - float(rates.var()) - float(np.var(self.accuracies))
        return max(0.0, residual) / ((len(rates) - 1) * (seeds - 1))

    def image_differences(self, other: Sample) -> NDArray[np.float64] | None:
        """This method's `rates` minus the other's, (images,); None unless both have answers to the same images."""
        if self.rates is None or other.rates is None or self.data != other.data:
            return None
        return self.rates - other.rates if len(self.rates) == len(other.rates) else None
