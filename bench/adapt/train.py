"""The training loop that fine-tuning, LoRA and training from scratch share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.images.pixels import pixels as load_pixels
from bench.spec import Backbone, Meter, Split, UserError

SHIFT = 0.08  # of the image's side, the most a picture is moved


@dataclass(frozen=True)
class Recipe:
    """AdamW with linear warm-up and cosine to 0; light augmentation where the task allows it."""

    epochs: int
    lr: float | None  # None: by the rule of `default_lr`
    batch: int
    weight_decay: float
    warmup: float  # fraction of all steps


def train(backbone: Backbone, network: nn.Module, split: Split, recipe: Recipe, meter: Meter) -> None:
    """Trains those parameters of `network` that require gradients on all images of `split`, in place.

    Modules keep the mode, train or eval, that they come in. Mixed precision (bfloat16) where a GPU has it. Raises
    UserError for a recipe that trains nothing.
    """
    if recipe.epochs < 1 or recipe.batch < 1:
        raise UserError(f"{recipe.epochs} epochs in batches of {recipe.batch} train nothing; both are 1 or more")
    pixels = load_pixels(split.images, backbone.image_size)
    labels = torch.from_numpy(split.labels)
    trained = groups(network.parameters(), recipe.weight_decay)
    optimiser = torch.optim.AdamW(trained, recipe.lr or default_lr(network), fused=True)
    steps = recipe.epochs * math.ceil(len(labels) / recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warmup_cosine(step, steps, recipe.warmup))
    mixed = backbone.device.type == "cuda" and torch.cuda.is_bf16_supported()

    def step(rows: Tensor) -> Tensor:
        images = augment(pixels[rows].to(backbone.device), split.augment)
        with torch.autocast(backbone.device.type, torch.bfloat16, enabled=mixed):
            loss = functional.cross_entropy(network(backbone.inputs(images)), labels[rows].to(backbone.device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.detach()

    def logits(images: Tensor) -> Tensor:
        return network(backbone.inputs(images)).float()  # type: ignore[no-any-return]

    this_training = object()  # another one has another network, so its steps are counted anew
    for done in range(1, recipe.epochs + 1):
        losses = []
        for rows in epoch(len(labels), recipe.batch):
            signature = (this_training, len(rows), tuple(weight.requires_grad for weight in network.parameters()))
            losses.append(meter.step(signature, partial(step, rows)))
            schedule.step()
        meter.epoch(done, recipe.epochs, torch.stack(losses).mean().item(), logits)
    network.eval()


def default_lr(network: nn.Module) -> float:
    """1e-3 for a network with batch norm, 1e-4 for one without: layer norm and attention bear less in so few steps."""
    return 1e-3 if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()) else 1e-4


def epoch(count: int, batch: int) -> Iterable[Tensor]:
    """Shuffled row numbers of one epoch in batches of nearly equal size, so that no batch is a tiny rest."""
    return torch.randperm(count).tensor_split(math.ceil(count / batch))


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Factor on the learning rate at `step` of `steps`: linear up over the first `warmup` of them, then cosine to 0."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Optimiser groups: weight decay on matrices and kernels, none on biases and normalisation."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def augment(images: Tensor, allowed: frozenset[str]) -> Tensor:
    """uint8 (batch, 3, size, size), each flipped by chance and moved by a few pixels, where that is allowed."""
    if "flip" in allowed:
        flipped = torch.rand(len(images), 1, 1, 1) < 0.5
        images = torch.where(flipped.to(images.device), images.flip(3), images)
    if "shift" in allowed:
        images = shift(images, max(1, round(SHIFT * images.shape[3])))
    return images


def shift(images: Tensor, most: int) -> Tensor:
    """Each image moved by up to `most` pixels along both axes; what comes in is the image mirrored at its border."""
    batch, channels, height, width = images.shape
    padded = functional.pad(images.float(), [most] * 4, mode="reflect").to(images.dtype)
    down, right = torch.randint(0, 2 * most + 1, (2, batch, 1), device="cpu").to(images.device)
    rows = (down + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (right + torch.arange(width, device=images.device))[:, None, None, :]
    number = torch.arange(batch, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[number, channel, rows, columns]
