"""Logistic regression with an l2 penalty among the examples: exact and quick where features outnumber them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.heads import Head, zero
from bench.ridge import ridge
from bench.spec import Meter


class Kernel:
    """The first examples of a Gram matrix, to train on, in the coordinates of its eigenvectors.

    There are at most as many coordinates as examples. They are centred, uncorrelated, and have the inner products of
    the features, so that a head on them is the head on all features, and has the same norm.
    """

    def __init__(self, gram: Tensor, kept: int) -> None:
        """`gram` float64 (n, n); the first `kept` examples are trained on."""
        self.kept, self.means = kept, gram[:kept, :kept].mean(0)
        ours = gram[:, :kept].mean(1)
        centred = gram[:, :kept] - ours[:, None] - self.means + self.means.mean()
        values, vectors = torch.linalg.eigh(centred[:kept])
        real = values > 1e-7 * values[-1]  # the rest is rounding of float32 products
        self.variance = float(values[real].sum()) / kept  # of the features, summed
        self.duals = vectors[:, real] / values[real].sqrt()  # (kept, coordinates)
        self.coordinates = (centred @ self.duals).float()  # (n, coordinates), also of the other examples

    def zero(self, classes: int) -> Head:
        return zero(self.coordinates, classes)

    def solve(self, labels: Tensor, start: Head, l2: float, meter: Meter) -> Head:
        """The head on the coordinates for mean cross-entropy + l2 · variance / 2 · ||weight||², from `start`."""
        return ridge(self.coordinates[: self.kept], labels[: self.kept], start, l2 * self.variance, meter)

    def on_features(self, head: Head) -> tuple[Tensor, Tensor]:
        """The same head on features X (kept, d): u (classes, kept), of which the weight is Xᵀ uᵀ, and the bias."""
        dual = (self.duals @ head.weight.double()).T
        dual = dual - dual.mean(1, keepdim=True)
        return dual, head.bias.double() - dual @ self.means
