"""The dual of the cross-entropy, which certifies a solution, and the best intercept. Scores are (classes, n)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.adapt.solvers.softmax import cross_entropy, product
from bench.spec import Meter


@dataclass(frozen=True)
class Point:
    """A solution with its best intercept, all in float64."""

    loss: float
    bias: Tensor  # (classes,)
    probabilities: Tensor  # (classes, n)
    residual: Tensor  # (classes, n), the gradient by the scores: (probabilities - onehot) / n; its rows sum to 0


def settle(scores: Tensor, bias: Tensor, onehot: Tensor, meter: Meter) -> Point:
    """Finds the best intercept for scores (classes, n) without one, by Newton's method from `bias` (classes,).

    Only with the best intercept do the rows of the residual sum to 0, as those of a dual feasible point must.
    """
    classes, count = scores.shape
    gauge = torch.full((classes, classes), 1 / classes, dtype=scores.dtype, device=scores.device)
    loss, chance = cross_entropy(scores + bias[:, None], onehot)
    for _ in range(50):
        gradient = (chance - onehot).mean(1)
        if gradient.abs().max() < 1e-13:
            break
        curvature = torch.diag(chance.mean(1)) - product(meter, chance, chance.T) / count
        step, length = torch.linalg.solve(curvature + gauge, gradient), 1.0
        while length > 1e-6:
            new_loss, new_chance = cross_entropy(scores + (bias - length * step)[:, None], onehot)
            if new_loss <= loss + 1e-15:
                break
            length /= 2
        else:
            break
        bias, loss, chance = bias - length * step, new_loss, new_chance
    return Point(float(loss), bias, chance, (chance - onehot) / count)


def dual_objective(point: Point, onehot: Tensor, shrink: float) -> float:
    """The dual objective at u, the residual times `shrink` in [0, 1]: the mean entropy of p = n u + y.

    The conjugate of the cross-entropy is the negative entropy of p on the simplex. u is feasible when its rows sum to 0
    and no feature has ||Xᵢᵀ u|| above λ. The caller chooses `shrink` so that the second holds.
    """
    mixed = shrink * point.probabilities + (1 - shrink) * onehot
    return float(-torch.special.xlogy(mixed, mixed).sum(0).mean())
