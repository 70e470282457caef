"""Ridge regression on the labels; leave-one-out errors choose its strength, so that no image is held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers
from bench.registry import method

ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(-6, 13))


@method("ridge", family="heads", extra=True)
@dataclass(frozen=True)
class Ridge(ProbeMethod):
    """Linear regression on targets of 1 for the class and -1 for all others, with an l2 penalty.

    The loss is ||XW + b - Y||² + alpha · ||W||² on standardised features X. If `alpha` is None, it is the one of 19
    whose squared error on images left out one by one is least. One eigendecomposition gives these errors for all.
    """

    # As scikit-learn's RidgeClassifierCV, whose 0.1, 1 and 10 are too few: 1,000 standardised embeddings of 1,000
    # numbers have a squared length of a million together.
    space: ClassVar[Mapping[str, BaseDistribution]] = {"alpha": FloatDistribution(1e-3, 1e6, log=True)}
    choices: ClassVar[Mapping[str, Sequence[float]]] = {"alpha": ALPHAS}  # on all images, each left out once

    alpha: float | None = None

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head at `alpha`, or at the one with the least leave-one-out error."""
        return solvers.least_squares(examples, ALPHAS if self.alpha is None else (self.alpha,))
