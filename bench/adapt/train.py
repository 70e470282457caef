"""The training loop of all methods that train a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.adapt.augment import augment
from bench.adapt.schedule import warmup_cosine
from bench.images.pixels import pixels as load_pixels
from bench.spec import Backbone, Meter, Split, UserError


@dataclass(frozen=True)
class Recipe:
    """AdamW with linear warm-up and cosine to 0; light augmentation where the task allows it."""

    epochs: int
    lr: float
    batch: int
    weight_decay: float
    warmup: float  # fraction of all steps


def train(backbone: Backbone, network: nn.Module, split: Split, recipe: Recipe, meter: Meter) -> None:
    """Trains those parameters of `network` that require gradients on all images of `split`, in place.

    Modules keep the mode, train or eval, that they come in, and are in eval mode at the end. Raises UserError for a
    recipe that trains nothing.
    """
    if recipe.epochs < 1 or recipe.batch < 1:
        raise UserError(f"{recipe.epochs} epochs in batches of {recipe.batch} train nothing; both are 1 or more")
    count = len(split.labels)
    work = _Training(backbone, network, split, recipe)
    steps = recipe.epochs * math.ceil(count / recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(work.optimiser, lambda step: warmup_cosine(step, steps, recipe.warmup))
    for done in range(1, recipe.epochs + 1):
        losses = []
        for rows in epoch(count, recipe.batch):
            losses.append(meter.step(work.signature(rows), partial(work.step, rows)))
            schedule.step()
        meter.epoch(done, recipe.epochs, torch.stack(losses).mean().item(), work.logits)
    network.eval()


class _Training:
    """One training at work: its network, its pixels and labels, and its optimiser."""

    def __init__(self, backbone: Backbone, network: nn.Module, split: Split, recipe: Recipe) -> None:
        self.backbone, self.network, self.allowed = backbone, network, split.augment
        self.pixels, self.labels = load_pixels(split.images, backbone.image_size), torch.from_numpy(split.labels)
        self.optimiser = torch.optim.AdamW(groups(network.parameters(), recipe.weight_decay), recipe.lr, fused=True)
        self.name = object()  # tells this training from others under one meter

    def step(self, rows: Tensor) -> Tensor:
        """One step of the optimiser on these images; the loss before it, a scalar."""
        device = self.backbone.device
        images = augment(self.pixels[rows].to(device), self.allowed)
        with self.backbone.computing(trained=True):
            scores = self.network(self.backbone.inputs(images))
            loss = functional.cross_entropy(scores, self.labels[rows].to(device))
            self.optimiser.zero_grad()
            loss.backward()
        self.optimiser.step()
        return loss.detach()

    def signature(self, rows: Tensor) -> tuple[object, ...]:
        """What decides the FLOPs of a step: this training, its batch size, and which weights require gradients."""
        return self.name, len(rows), tuple(weight.requires_grad for weight in self.network.parameters())

    def logits(self, images: Tensor) -> Tensor:
        """Scores float32 (batch, classes) of uint8 pixels, in the mode that the network is in."""
        with self.backbone.computing(trained=True):
            return self.network(self.backbone.inputs(images)).float()  # type: ignore[no-any-return]


class WithoutCurves:
    """A meter that charges everything and keeps no curve: for a training that only serves a choice."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meter, name)

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Keeps nothing, and lets nobody look at the network."""


def epoch(count: int, batch: int) -> Iterable[Tensor]:
    """Shuffled row numbers of one epoch in batches of nearly equal size, so that no batch is a tiny rest."""
    return torch.randperm(count).tensor_split(math.ceil(count / batch))


def groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Optimiser groups: weight decay on matrices and kernels, none on biases and normalisation."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
