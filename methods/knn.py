"""k nearest neighbours: the training images whose embeddings are most similar vote, as DINO's authors evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution

from bench.adapt.lazy import neighbours, probe, solvers, torch
from bench.registry import method
from bench.spec import Backbone, Meter, Method, Split, UserError

KS = (20, 10, 5, 1)


@method("knn", family="heads")
@dataclass(frozen=True)
class KNN(Method):
    """Each of the k nearest training images votes for its class with exp(cosine / temperature).

    Embeddings have unit norm. If `k` is None, the validation images choose it, the largest of equals. Nothing is
    trained. All training images are kept, in half precision.
    """

    # Caron et al. 2021 (facebookresearch/dino @ 04c0ad9, eval_knn.py): temperature 0.07, and 20 of k = 10, 20, 100, 200
    # works best. A class of a small data set has 7 to 100 images, so smaller k are looked at instead of larger.
    space: ClassVar[Mapping[str, BaseDistribution]] = {"k": CategoricalDistribution(KS)}
    choices: ClassVar[Mapping[str, Sequence[int]]] = {"k": KS}

    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1
    passes: ClassVar[float] = 1.0

    k: int | None = None
    temperature: float = 0.07

    def __post_init__(self) -> None:
        """Raises UserError where nobody votes."""
        if self.k == 0:
            raise UserError("knn:k=0 has no neighbour to vote; choose 1 or more")

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> neighbours.Neighbours:
        """Reads the training images' embeddings, and chooses k."""
        examples = solvers.read_examples(backbone, train, None, meter)
        x = torch.nn.functional.normalize(examples.matrix, dim=1)
        k = self.chosen(x, examples) if self.k is None else self.k
        return neighbours.neighbours(backbone, x, examples.labels, examples.classes, k, self.temperature)

    def chosen(self, x: torch.Tensor, examples: solvers.Examples) -> int:
        """The k with the most hits among the held-out examples, when the others vote."""
        y, learnt, meter = examples.labels, examples.learnt, examples.meter
        similar = solvers.product(meter, x[learnt:], x[:learnt].T)

        def hits(k: int) -> int:
            scores = neighbours.votes(similar, y[:learnt], examples.classes, k, self.temperature)
            return int((scores.argmax(1) == y[learnt:]).sum())

        k = max(KS, key=hits)
        meter.point("chosen/k", len(KS), k)
        return k

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> probe.Probe:
        """The probe from what it stored."""
        x, labels, k = stored["weight"].t(), stored["labels"], int(stored["k"])
        return neighbours.neighbours(backbone, x, labels, classes, k, self.temperature)
