"""Resizing, by the one rule that every picture follows on its way to the network, on whatever device it lies."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

AT_ONCE = 1 << 20  # numbers that are resized at once on a CPU: few enough to stay in its cache, which halves the time
AT_ONCE_ON_GPU = 1 << 26  # the same elsewhere, where a call should have much to do


def to_size(images: Tensor, size: int) -> Tensor:
    """uint8 (batch, 3, size, size) from uint8 (batch, 3, height, width), on the device of the images.

    Bilinear, not antialiased, without keeping the aspect, as in VTAB's reference preprocessing
    (google-research/task_adaptation). Here the result is rounded to 8 bits.
    """
    if images.shape[2:] == (size, size):
        return images
    most = max(1, (AT_ONCE if images.device.type == "cpu" else AT_ONCE_ON_GPU) // (3 * size * size))
    if len(images) > most:
        return torch.cat([to_size(part, size) for part in images.split(most)])
    resized = functional.interpolate(images.float(), (size, size), mode="bilinear", align_corners=False)
    return resized.round_().clamp_(0, 255).to(torch.uint8).contiguous()


def resize(pixels: np.ndarray, size: int) -> Tensor:
    """One decoded picture (height, width, 3) at the network's size, uint8 (3, size, size)."""
    return to_size(channels_first(pixels)[None], size)[0].contiguous()


def channels_first(pixels: np.ndarray) -> Tensor:
    """Decoded pixels (height, width, 3) as uint8 (3, height, width): a copy, because decoders hand out read-only ones.

    In memory it lies as it did, which a single thread resizes faster.
    """
    return torch.tensor(pixels).permute(2, 0, 1)
