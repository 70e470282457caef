"""Linear heads on fixed features: multinomial logistic regression to convergence, and the Adam recipe of Head2Toe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional

from bench.spec import Meter

SMALL = 20_000_000  # multiplications: some milliseconds of one core


@dataclass(frozen=True)
class Head:
    """A linear head: scores are features @ weight + bias."""

    weight: Tensor  # (features, classes)
    bias: Tensor  # (classes,)


def zero(features: Tensor, classes: int) -> Head:
    """The head on features (n, d) from which a solution starts."""
    return Head(torch.zeros(features.shape[1], classes), torch.zeros(classes))


def logistic(features: Tensor, labels: Tensor, start: Head, l2: float, meter: Meter) -> Head:
    """Minimises mean cross-entropy + l2 / 2 · ||weight||² with SciPy's L-BFGS-B from `start`; the bias is free.

    `features` (n, d) should be standardised. Converged when no entry of the gradient is above 1e-5.
    """
    count, classes = features.shape[1], start.bias.shape[0]
    signature = ("logistic", features.shape, classes)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        return meter.step(signature, lambda: _logistic_loss(flat, features, labels, l2))

    first = torch.cat([start.weight, start.bias[None]]).double().cpu().numpy().ravel()
    options = {"maxiter": 2000, "maxfun": 3000, "gtol": 1e-5, "maxcor": 20}
    # SciPy's BLAS threads spin while they wait, and would take torch's cores.
    with threads_for(features.numel() * classes), threadpool_limits(1, user_api="blas"):
        solved = minimize(objective, first, jac=True, method="L-BFGS-B", options=options)
    result = torch.from_numpy(solved.x).float().view(count + 1, classes).to(features.device)
    return Head(result[:-1], result[-1])


def _logistic_loss(flat: np.ndarray, features: Tensor, labels: Tensor, l2: float) -> tuple[float, np.ndarray]:
    """The objective and its gradient; both products are torch's, so that the meter sees them."""
    parameters = torch.from_numpy(flat).to(features).view(features.shape[1] + 1, -1)
    weight, bias = parameters[:-1], parameters[-1]
    # By class, as in `adam`: with few classes, products in the other order take four times as long.
    scores = functional.linear(features, weight.T.contiguous(), bias)
    loss = functional.cross_entropy(scores, labels) + 0.5 * l2 * weight.square().sum()
    error = scores.softmax(1)
    error[torch.arange(len(labels), device=labels.device), labels] -= 1
    error /= len(labels)
    gradient = torch.cat([(error.T @ features).T + l2 * weight, error.sum(0, keepdim=True)])
    return loss.item(), gradient.double().cpu().numpy().ravel()


@dataclass(frozen=True)
class AdamRecipe:
    """How Head2Toe trains a head: Adam, cosine to 0 without warm-up, no augmentation."""

    steps: int
    lr: float
    batch: int
    group_lasso: float = 0.0  # λ of λ Σᵢ ||Wᵢ||₂, one group a feature, on the weight only
    l1: float = 0.0  # λ of λ Σ |W|
    l2: float = 0.0  # λ of λ Σ W²


def adam(features: Tensor, labels: Tensor, classes: int, recipe: AdamRecipe, meter: Meter) -> Head:
    """A fresh head trained by `recipe` on features (n, d); the last step counts. Epochs are shuffled."""
    start = fresh(features.shape[1], classes, features.device)
    # Held by class, and one buffer for all batches: with so few rows, time goes into memory and not into products.
    weight, bias = start.weight.T.contiguous(), start.bias
    batch = torch.empty(min(recipe.batch, len(labels)), features.shape[1], device=features.device)
    parameters = [weight.requires_grad_(), bias.requires_grad_()]
    optimiser = torch.optim.Adam(parameters, recipe.lr, eps=1e-7, fused=True)  # eps as in Keras
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)

    def step(rows: Tensor) -> None:
        torch.index_select(features, 0, rows, out=batch)
        loss = functional.cross_entropy(functional.linear(batch, weight, bias), labels[rows])
        if recipe.group_lasso:
            loss = loss + recipe.group_lasso * (weight.square().sum(0) + 1e-12).sqrt().sum()
        if recipe.l1:
            loss = loss + recipe.l1 * weight.abs().sum()
        if recipe.l2:
            loss = loss + recipe.l2 * weight.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    with threads_for(recipe.batch * weight.numel()):
        for rows in shuffled(len(labels), recipe.batch, recipe.steps):
            on_device = rows.to(features.device)
            meter.step(("adam", features.shape, len(rows), classes), partial(step, on_device))
            schedule.step()
    return Head(weight.detach().T.contiguous(), bias.detach())


def fresh(count: int, classes: int, device: torch.device) -> Head:
    """A head that has seen nothing: Keras's default for a dense layer, in which Head2Toe's official code is written."""
    weight = torch.empty(count, classes, device=device)
    torch.nn.init.xavier_uniform_(weight)
    return Head(weight, torch.zeros(classes, device=device))


@contextmanager
def threads_for(multiplications: int) -> Iterator[None]:
    """One thread while a step's products are small.

    Several would gain little on an idle machine, and lose a hundredfold on a busy one, waiting for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if multiplications < SMALL else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def shuffled(count: int, batch: int, steps: int) -> list[Tensor]:
    """`steps` batches of row numbers that walk through epochs of `count`, each shuffled anew; all of `batch` rows."""
    batch = min(batch, count)
    epochs = -(-steps * batch // count)
    order = torch.cat([torch.randperm(count) for _ in range(epochs)])
    return list(order[: steps * batch].split(batch))
