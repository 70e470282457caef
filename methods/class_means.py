"""Class means: the class whose mean embedding is nearest."""

from __future__ import annotations

from dataclasses import dataclass

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers
from bench.registry import method


@method("class_means", family="heads", extra=True)
@dataclass(frozen=True)
class ClassMeans(ProbeMethod):
    """Scores each class by the squared distance of the embedding to the mean of the class's training images.

    It has no hyper-parameters, and keeps the smallest head. Source: Mensink et al. 2013, section 3.2.
    """

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head whose scores are x·m - |m|² / 2: of half the squared distance, all that differs between classes."""
        means, counts = solvers.class_means(examples.matrix, examples.labels, examples.classes)
        bias = -means.square().sum(1) / 2
        return solvers.Head(means.T.contiguous(), bias.where(counts > 0, solvers.NEVER))
