"""Multinomial logistic regression with an l2 penalty, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.solvers.head import Head, zero
from bench.adapt.solvers.softmax import conjugate, cross_entropy, product, softmax_bend
from bench.spec import Meter

NEWTONS = 50  # steps, at most
CONJUGATE = 50  # products a Newton step, at most
FLAT = 1e-6  # standard deviation below which a feature is taken for a constant with rounding errors


@dataclass(frozen=True)
class Standardised:
    """Standardised features in the coordinates of their principal axes, in which a penalised head is found quickly."""

    mean: Tensor  # (d,)
    scale: Tensor  # (d,)
    axes: Tensor  # (d, rank)
    coordinates: Tensor  # (n, rank)

    def on_features(self, head: Head, meter: Meter) -> Head:
        """The head on the features as they are that gives the same scores as `head` on the coordinates."""
        weight = product(meter, self.axes, head.weight) / self.scale[:, None]
        return Head(weight, head.bias - self.mean @ weight)


def standardise(features: Tensor, meter: Meter) -> Standardised:
    """Standardises features (n, d). Constant features become 0."""
    mean, scale = features.mean(0), features.std(0).clamp_min(FLAT)
    x = (features - mean) / scale
    axes = principal_axes(x, meter)
    return Standardised(mean, scale, axes, product(meter, x, axes))


def standardised(features: Tensor, labels: Tensor, classes: int, l2: float, meter: Meter) -> Head:
    """The head on features (n, d) that `ridge` finds on the standardised ones, from zero."""
    found = standardise(features, meter)
    head = ridge(found.coordinates, labels, zero(found.coordinates, classes), l2, meter)
    return found.on_features(head, meter)


def row_norms(features: Tensor, labels: Tensor, classes: int, l2: float, meter: Meter) -> Tensor:
    """How much each feature is used: the norms (d,) of the rows of W that minimises ||Y - XW||² / n + l2 · v · ||W||².

    X are the features (n, d) without their means, and v is the sum of their variances. Y are the one-hot labels (n,
    classes) without their means. It is solved in the dual, by the n × n inner products of the examples.
    """
    centred = features - features.mean(0)
    onehot = functional.one_hot(labels, classes).to(centred)
    gram = product(meter, centred, centred.T)
    gram.diagonal().add_(l2 * gram.trace())
    dual = torch.cholesky_solve(onehot - onehot.mean(0), torch.linalg.cholesky(gram))
    norms: Tensor = product(meter, dual.T.contiguous(), centred).norm(dim=0)
    return norms


def principal_axes(features: Tensor, meter: Meter) -> Tensor:
    """Orthonormal columns (d, rank) along which features (n, d) are uncorrelated, from the smaller Gram matrix."""
    wide = features.shape[1] > len(features)
    left, right = (features, features.T) if wide else (features.T, features)
    values, vectors = torch.linalg.eigh(product(meter, left, right).double())
    real = values > 1e-6 * values[-1]  # the rest is rounding of float32 products
    vectors, lengths = vectors[:, real].to(features), values[real].sqrt().to(features)
    axes: Tensor = product(meter, features.T, vectors) / lengths if wide else vectors
    return axes


def ridge(features: Tensor, labels: Tensor, start: Head, l2: float, meter: Meter, tolerance: float = 1e-5) -> Head:
    """The head that minimises mean cross-entropy + l2 / 2 · ||weight||² on features (n, d), found from `start`.

    The bias has no penalty. The solution has converged when no entry of the gradient is above `tolerance`. It is fast
    where features are uncorrelated, as along principal axes.
    """
    columns = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
    rows = columns.T.contiguous()  # products with few classes are fastest class-major
    onehot = functional.one_hot(labels, len(start.bias)).T.to(columns)
    penalty = features.new_full((columns.shape[1],), l2)
    penalty[-1] = 0.0
    weight = torch.cat([start.weight, start.bias[None]]).T.to(columns)
    scores = product(meter, weight, rows)
    squares = columns.square()
    for _ in range(NEWTONS):
        loss, chance = cross_entropy(scores, onehot)
        gradient = product(meter, (chance - onehot) / len(columns), columns) + penalty * weight
        if gradient.abs().max() <= tolerance:
            break
        curvature = product(meter, chance * (1 - chance) / len(columns), squares) + penalty

        def bent(direction: Tensor, chance: Tensor = chance) -> Tensor:
            bend = softmax_bend(chance, product(meter, direction, rows))
            return product(meter, bend, columns) + penalty * direction

        step = conjugate(bent, gradient, curvature.clamp_min(1e-12), CONJUGATE, 1e-3)
        change, length = product(meter, step, rows), 1.0
        known = torch.stack([(gradient * step).sum(), loss + (penalty * weight.square()).sum() / 2])
        while length > 1e-4:
            trial = cross_entropy(scores + length * change, onehot)[0]
            trial = trial + (penalty * (weight + length * step).square()).sum() / 2
            descent, before, after = torch.cat([known, trial[None]]).tolist()  # the device is waited for once
            if after <= before + 1e-4 * length * descent + 1e-7 * abs(before):
                break
            length /= 2
        weight, scores = weight + length * step, scores + length * change
    return Head(weight[:, :-1].T.contiguous(), weight[:, -1].contiguous())


class Kernel:
    """Examples in coordinates from their inner products, in which a head on any number of features is solved.

    There are at most as many coordinates as examples to train on. They are centred and uncorrelated, and have the inner
    products of the features. So a head on them gives the scores of the best head on all features, and has its norm.
    """

    def __init__(self, gram: Tensor, kept: int, meter: Meter) -> None:
        """`gram` float64 (n, n) are the inner products of n examples; the first `kept` examples are trained on."""
        self.kept, self.means, self.meter = kept, gram[:kept, :kept].mean(0), meter
        ours = gram[:, :kept].mean(1)
        centred = gram[:, :kept] - ours[:, None] - self.means + self.means.mean()
        values, vectors = torch.linalg.eigh(centred[:kept])
        real = values > 1e-7 * values[-1]  # the rest is rounding of float32 products
        self.variance = float(values[real].sum()) / kept  # of the features, summed
        self.duals = vectors[:, real] / values[real].sqrt()  # (kept, coordinates)
        self.coordinates = product(meter, centred, self.duals).float()  # (n, coordinates), also of the other examples

    def zero(self, classes: int) -> Head:
        """A head on the coordinates that is zero."""
        return zero(self.coordinates, classes)

    def solve(self, labels: Tensor, start: Head, l2: float) -> Head:
        """The head on the coordinates of least mean cross-entropy + l2 · variance / 2 · ||weight||², from `start`."""
        return ridge(self.coordinates[: self.kept], labels[: self.kept], start, l2 * self.variance, self.meter)

    def others(self, head: Head) -> Tensor:
        """Scores (n - kept, classes) of the examples that are not trained on, by a head on the coordinates."""
        return product(self.meter, self.coordinates[self.kept :], head.weight) + head.bias

    def on_features(self, head: Head) -> tuple[Tensor, Tensor]:
        """The same head on features X (kept, d), as its dual u (classes, kept) and its bias: the weight is Xᵀ uᵀ."""
        dual = product(self.meter, self.duals, head.weight.double()).T
        dual = dual - dual.mean(1, keepdim=True)
        return dual, head.bias.double() - dual @ self.means
