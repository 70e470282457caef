"""Heads that need no iterations: class means, discriminant analysis, and ridge regression on the labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.solvers.examples import Examples
from bench.adapt.solvers.head import Head
from bench.adapt.solvers.logistic import FLAT
from bench.adapt.solvers.softmax import product

ROUNDING = 1e-9  # what is added to variances, relative to them, so that float64 can factor any covariance
NEVER = -1e4  # bias of a class that no training image has


def class_means(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """The mean features (classes, d) of each class of images (n, d), zero where a class has none, and their counts."""
    counts = torch.bincount(labels, minlength=classes)
    sums = features.new_zeros(classes, features.shape[1]).index_add_(0, labels, features)
    return sums / counts.clamp_min(1)[:, None], counts


def discriminant(examples: Examples, shrinkage: float | None) -> Head:
    """The head of linear discriminant analysis with a shrunk covariance; None shrinks as Ledoit and Wolf do.

    Source: scikit-learn's LinearDiscriminantAnalysis with the solver lsqr, which shrinks the covariance of each class
    and takes their mean, weighed by the classes' images.
    """
    x, y, meter = examples.matrix.double(), examples.labels, examples.meter
    means, counts = class_means(x, y, examples.classes)
    centred, keep, ridge = x - means[y], torch.ones_like(x[:, 0]), torch.zeros_like(x[0])
    for label in counts.nonzero()[:, 0].tolist():
        rows, share = centred[y == label], counts[label] / len(y)
        scale = torch.ones_like(ridge)
        if shrinkage is None:
            spread = rows.square().mean(0).sqrt()
            scale = spread.where(spread > FLAT * rows.abs().amax().clamp_min(1e-30), 1.0)
        strength, level = shrunk(rows / scale, shrinkage, examples)
        keep[y == label] = 1 - strength
        ridge += share * strength * level * scale.square()
    root = centred * (keep / len(y)).sqrt()[:, None]
    covariance = product(meter, root.T, root)
    covariance.diagonal().add_(ridge)
    live = covariance.diagonal() > 1e-12 * covariance.diagonal().amax()  # a constant feature tells nothing
    solvable = covariance[live][:, live]
    solvable.diagonal().mul_(1 + ROUNDING)
    weight = torch.zeros_like(means.T)
    weight[live] = torch.cholesky_solve(means.T[live], torch.linalg.cholesky(solvable))
    prior = (counts / len(y)).clamp_min(1e-12).log()
    bias, seen = prior - (means.T * weight).sum(0) / 2, counts > 0
    # What all classes have in common decides nothing, and takes digits from the rest in float32.
    weight, bias = weight - weight[:, seen].mean(1, keepdim=True), bias - bias[seen].mean()
    return Head(weight.float().contiguous(), bias.where(seen, NEVER).float())


def shrunk(rows: Tensor, shrinkage: float | None, examples: Examples) -> tuple[float, float]:
    """How much the covariance of centred examples (n, d) is shrunk, from 0 to 1, and their mean variance.

    The estimate for None is that of Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional
    covariance matrices", section 3. Sums over pairs of features are taken as sums over pairs of examples.
    """
    count, width = rows.shape
    squares = rows.square().sum(1)
    level = float(squares.sum()) / count / width
    if shrinkage is not None:
        return shrinkage, level
    gram = product(examples.meter, rows, rows.T)
    size = float(gram.square().sum()) / count**2
    noise = (float(squares.square().sum()) / count - size) / count
    signal = size - width * level**2
    return (min(noise, signal) / signal if noise > 0 and signal > 0 else 0.0), level


def least_squares(examples: Examples, alphas: Sequence[float]) -> Head:
    """Ridge regression of standardised features on targets of ±1, at the alpha of least leave-one-out error.

    Source: scikit-learn's RidgeClassifierCV, whose errors follow from one eigendecomposition of the Gram matrix (Rifkin
    and Lippert 2007, "Notes on regularized least squares", section 3).
    """
    x, meter, count = examples.matrix.double(), examples.meter, len(examples.labels)
    mean, scale = x.mean(0), x.std(0, correction=0).clamp_min(FLAT)
    x = (x - mean) / scale
    targets = 2.0 * functional.one_hot(examples.labels, examples.classes).double() - 1
    centred = targets - targets.mean(0)
    values, axes = torch.linalg.eigh(product(meter, x, x.T))
    values, squares, turned = values.clamp_min(0), axes.square(), product(meter, axes.T, centred)

    def dual(alpha: float) -> Tensor:
        return product(meter, axes, turned / (values + alpha)[:, None])

    def error(alpha: float) -> float:
        """The mean squared error on examples left out; the bias, which has no penalty, takes 1 / (n · alpha)."""
        diagonal = product(meter, squares, (1 / (values + alpha))[:, None]) - 1 / (count * alpha)
        return float((dual(alpha) / diagonal).square().mean())

    alpha = alphas[0] if len(alphas) == 1 else min(alphas, key=error)
    if len(alphas) > 1:
        meter.point("chosen/alpha", 0, alpha)  # without a look at images that are held out
    weight = product(meter, x.T, dual(alpha)) / scale[:, None]
    return Head(weight.float(), (targets.mean(0) - mean @ weight).float())
