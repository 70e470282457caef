"""Light augmentation of training images: a mirror image by chance, and a shift by a few pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SHIFT = 0.08  # of the image's side, the most a picture is moved


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
