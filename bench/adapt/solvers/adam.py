"""The recipe by which Head2Toe trains a linear head on fixed features: Adam for a number of steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.solvers.head import Head, fresh
from bench.costs.device import FUSED_OPTIMISERS
from bench.spec import Meter

SMALL = 20_000_000  # multiplications: some milliseconds of one core


@dataclass(frozen=True)
class AdamRecipe:
    """Adam with a learning rate that falls to 0 by a cosine, without warm-up and without augmentation.

    Source: the official code of Head2Toe, google-research/head2toe @ 6277f63.
    """

    steps: int
    lr: float
    batch: int
    group_lasso: float = 0.0  # λ of λ Σᵢ ||Wᵢ||₂, one group a feature, on the weight only
    l1: float = 0.0  # λ of λ Σ |W|
    l2: float = 0.0  # λ of λ Σ W²


def adam(features: Tensor, labels: Tensor, classes: int, recipe: AdamRecipe, meter: Meter) -> Head:
    """A fresh head, trained by `recipe` on features (n, d) with labels int64 (n,): as it is after the last step."""
    start = fresh(features.shape[1], classes, features.device)
    # Held by class, and one buffer for all batches: with so few rows, time goes into memory and not into products.
    weight, bias = start.weight.T.contiguous(), start.bias
    batch = torch.empty(min(recipe.batch, len(labels)), features.shape[1], device=features.device)
    parameters = [weight.requires_grad_(), bias.requires_grad_()]
    fused = features.device.type in FUSED_OPTIMISERS
    optimiser = torch.optim.Adam(parameters, recipe.lr, eps=1e-7, fused=fused)  # eps as in Keras
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
        for rows in shuffled(len(labels), recipe.batch, recipe.steps, features.device):
            meter.step(("adam", features.shape, len(rows), classes), partial(step, rows))
            schedule.step()
    return Head(weight.detach().T.contiguous(), bias.detach())


@contextmanager
def threads_for(multiplications: int) -> Iterator[None]:
    """Lets torch use one thread inside the block where a step has few multiplications.

    Several threads would gain little on an idle machine. On a busy one they wait for each other and take a hundred
    times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if multiplications < SMALL else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def shuffled(count: int, batch: int, steps: int, device: torch.device) -> list[Tensor]:
    """`steps` batches of `batch` row numbers each, out of epochs of `count` rows that are each shuffled anew.

    They are drawn on the CPU, so that a seed means the same everywhere, and moved to the device at once.
    """
    batch = min(batch, count)
    epochs = -(-steps * batch // count)
    order = torch.cat([torch.randperm(count) for _ in range(epochs)])
    return list(order[: steps * batch].to(device).split(batch))
