"""Linear discriminant analysis: Gaussian classes that share a covariance, which is shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers
from bench.registry import method


@method("lda", family="heads", extra=True)
@dataclass(frozen=True)
class LDA(ProbeMethod):
    """The most probable class, if each is a Gaussian around its mean m with the same covariance S.

    Scores are x·w - m·w / 2 + log prior, where S w = m and a prior is the class's share of the training images. S is
    the mean over images of the covariance of their class, (1 - s) · covariance + s · mean variance · I, with s =
    `shrinkage`. If it is None, each class is shrunk by Ledoit and Wolf's estimate, its features having been scaled to
    unit variance. No images need to be held out.
    """

    # As scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"). The estimate: Ledoit and Wolf 2004.
    # The range is that of weak to almost full shrinkage, as there are about as many images as features.
    space: ClassVar[Mapping[str, BaseDistribution]] = {"shrinkage": FloatDistribution(1e-3, 0.9, log=True)}

    shrinkage: float | None = None

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head of the shrunk covariance."""
        return solvers.discriminant(examples, self.shrinkage)
