"""Multinomial logistic regression with an l2 penalty by Newton's method: few products where features are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.solvers.head import Head, zero
from bench.adapt.solvers.softmax import conjugate, cross_entropy, product, softmax_bend
from bench.spec import Meter

NEWTONS = 50
CONJUGATE = 50  # products a Newton step
FLAT = 1e-6  # standard deviation under which a feature is a constant and rounding


@dataclass(frozen=True)
class Standardised:
    """Features (n, d) standardised, along their principal axes: where a penalised head is quickly found."""

    mean: Tensor  # (d,)
    scale: Tensor  # (d,)
    axes: Tensor  # (d, rank)
    coordinates: Tensor  # (n, rank)

    def on_features(self, head: Head, meter: Meter) -> Head:
        """The head on the features as they are that a head on the coordinates stands for."""
        weight = product(meter, self.axes, head.weight) / self.scale[:, None]
        return Head(weight, head.bias - self.mean @ weight)


def standardise(features: Tensor, meter: Meter) -> Standardised:
    """From features (n, d); constant ones stay 0."""
    mean, scale = features.mean(0), features.std(0).clamp_min(FLAT)
    x = (features - mean) / scale
    axes = principal_axes(x, meter)
    return Standardised(mean, scale, axes, product(meter, x, axes))


def standardised(features: Tensor, labels: Tensor, classes: int, l2: float, meter: Meter) -> Head:
    """`ridge` from zero on features (n, d) that are standardised first; the head it returns is on them as they are."""
    found = standardise(features, meter)
    head = ridge(found.coordinates, labels, zero(found.coordinates, classes), l2, meter)
    return found.on_features(head, meter)


def row_norms(features: Tensor, labels: Tensor, classes: int, l2: float, meter: Meter) -> Tensor:
    """Norms (d,) of the rows of W that minimises ||Y - XW||² / n + l2 · v · ||W||²: how much each feature is used.

    X are the features (n, d) without their means, v is their variance, summed, and Y has a column of ones and zeros a
    class, without its mean. It is solved among the examples' inner products, which are few where features are many.
    """
    centred = features - features.mean(0)
    onehot = functional.one_hot(labels, classes).to(centred)
    gram = product(meter, centred, centred.T)
    gram.diagonal().add_(l2 * gram.trace())
    dual = torch.cholesky_solve(onehot - onehot.mean(0), torch.linalg.cholesky(gram))
    norms: Tensor = product(meter, dual.T.contiguous(), centred).norm(dim=0)
    return norms


def principal_axes(features: Tensor, meter: Meter) -> Tensor:
    """Orthonormal columns (d, rank) along which features (n, d) are uncorrelated, from the smaller of the two Grams."""
    wide = features.shape[1] > len(features)
    left, right = (features, features.T) if wide else (features.T, features)
    values, vectors = torch.linalg.eigh(product(meter, left, right).double())
    real = values > 1e-6 * values[-1]  # the rest is rounding of float32 products
    vectors, lengths = vectors[:, real].to(features), values[real].sqrt().to(features)
    axes: Tensor = product(meter, features.T, vectors) / lengths if wide else vectors
    return axes


def ridge(features: Tensor, labels: Tensor, start: Head, l2: float, meter: Meter, tolerance: float = 1e-5) -> Head:
    """Minimises mean cross-entropy + l2 / 2 · ||weight||² over features (n, d) from `start`; the bias is free.

    Converged when no entry of the gradient is above `tolerance`. Fast where features are uncorrelated, as along
    principal axes.
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
        change, descent = product(meter, step, rows), float((gradient * step).sum())
        before, length = float(loss + (penalty * weight.square()).sum() / 2), 1.0
        while length > 1e-4:
            trial = cross_entropy(scores + length * change, onehot)[0]
            trial = trial + (penalty * (weight + length * step).square()).sum() / 2
            if float(trial) <= before + 1e-4 * length * descent + 1e-7 * abs(before):
                break
            length /= 2
        weight, scores = weight + length * step, scores + length * change
    return Head(weight[:, :-1].T.contiguous(), weight[:, -1].contiguous())


def choose_l2(
    path: Sequence[float], start: Head, solve: Callable[[Head, float], Head], hits: Callable[[Head], int]
) -> float:  # fmt: skip
    """The penalty on a falling path whose head has the most hits, the strongest of equals.

    `solve` is given the head before, at first `start`, and a penalty.
    """
    head, best = start, (-1, path[0])
    for l2 in path:
        head = solve(head, l2)
        best = max(best, (hits(head), l2))
    return best[1]


class Kernel:
    """The first examples of a Gram matrix, to train on, in the coordinates of its eigenvectors.

    There are at most as many coordinates as examples. They are centred, uncorrelated, and have the inner products of
    the features, so that a head on them is the head on all features, and has the same norm.
    """

    def __init__(self, gram: Tensor, kept: int, meter: Meter) -> None:
        """`gram` float64 (n, n); the first `kept` examples are trained on."""
        self.kept, self.means, self.meter = kept, gram[:kept, :kept].mean(0), meter
        ours = gram[:, :kept].mean(1)
        centred = gram[:, :kept] - ours[:, None] - self.means + self.means.mean()
        values, vectors = torch.linalg.eigh(centred[:kept])
        real = values > 1e-7 * values[-1]  # the rest is rounding of float32 products
        self.variance = float(values[real].sum()) / kept  # of the features, summed
        self.duals = vectors[:, real] / values[real].sqrt()  # (kept, coordinates)
        self.coordinates = product(meter, centred, self.duals).float()  # (n, coordinates), also of the other examples

    def zero(self, classes: int) -> Head:
        """The head on the coordinates from which a solution starts."""
        return zero(self.coordinates, classes)

    def solve(self, labels: Tensor, start: Head, l2: float) -> Head:
        """The head on the coordinates for mean cross-entropy + l2 · variance / 2 · ||weight||², from `start`."""
        return ridge(self.coordinates[: self.kept], labels[: self.kept], start, l2 * self.variance, self.meter)

    def others(self, head: Head) -> Tensor:
        """Scores (n - kept, classes) of the examples that are not trained on, by a head on the coordinates."""
        return product(self.meter, self.coordinates[self.kept :], head.weight) + head.bias

    def on_features(self, head: Head) -> tuple[Tensor, Tensor]:
        """The same head on features X (kept, d): u (classes, kept), of which the weight is Xᵀ uᵀ, and the bias."""
        dual = product(self.meter, self.duals, head.weight.double()).T
        dual = dual - dual.mean(1, keepdim=True)
        return dual, head.bias.double() - dual @ self.means
