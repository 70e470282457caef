"""Class means: the class whose mean embedding is most similar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers, torch
from bench.registry import method


@method("class_means", family="heads", extra=True)
@dataclass(frozen=True)
class ClassMeans(ProbeMethod):
    """Scores each class by the cosine of the embedding and the mean of the class's training images.

    Embeddings have unit norm, also before they are averaged. Without that, the mean of the longest embeddings wins. It
    has no hyper-parameters, and keeps the smallest head. Source: Rebuffi et al. 2017, section 3.1.
    """

    whole: ClassVar[bool] = True

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head whose weights are the means, scaled to unit norm."""
        x = torch.nn.functional.normalize(examples.matrix, dim=1)
        means, counts = solvers.class_means(x, examples.labels, examples.classes)
        weight = torch.nn.functional.normalize(means, dim=1).T.contiguous()
        bias = torch.zeros_like(weight[0]).where(counts > 0, solvers.NEVER)
        return solvers.Head(weight, bias, selected=torch.arange(len(weight)))
