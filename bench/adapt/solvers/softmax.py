"""Parts of softmax regression: metered products, cross-entropy, its Hessian, and conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from bench.spec import Meter


def product(meter: Meter, left: Tensor, right: Tensor) -> Tensor:
    """left @ right, with its FLOPs charged to `meter`."""
    return meter.step(("product", left.shape, right.shape), partial(torch.matmul, left, right), alike=True)


def cross_entropy(scores: Tensor, onehot: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss, a scalar, and the probabilities (classes, n), from scores and one-hot labels (classes, n)."""
    shifted = scores - scores.amax(0)
    powers = shifted.exp()
    total = powers.sum(0)
    return (total.log() - (shifted * onehot).sum(0)).mean(), powers / total


def softmax_bend(chance: Tensor, scores: Tensor) -> Tensor:
    """The Hessian of the mean cross-entropy by the scores, times the direction `scores` (classes, n).

    `chance` (classes, n) are the probabilities at which the Hessian is taken.
    """
    return chance * (scores - (chance * scores).sum(0)) / chance.shape[1]


def conjugate(
    hessian: Callable[[Tensor], Tensor], gradient: Tensor, diagonal: Tensor, limit: int, enough: float
) -> Tensor:
    """Newton's step, minus the inverse Hessian times the gradient, by preconditioned conjugate gradients.

    `hessian` multiplies a direction by the Hessian, and `diagonal` is about its diagonal. Stops after `limit` products,
    or when the squared, preconditioned residual has fallen to the fraction `enough` of what it was. A product
    waits for the device once.
    """
    step, left = torch.zeros_like(gradient), -gradient
    direction = left / diagonal
    size = float((left * direction).sum())
    target = enough * size
    for _ in range(limit):
        image = hessian(direction)
        bend = (direction * image).sum()
        length = size / bend.double()
        ahead, rest = step + length * direction, left - length * image
        scaled, before = rest / diagonal, size
        bent, size = torch.stack([bend, (rest * scaled).sum()]).tolist()
        if bent <= 0:  # rounding alone
            break
        step, left = ahead, rest
        if size <= target:
            break
        direction = scaled + size / before * direction
    return step
