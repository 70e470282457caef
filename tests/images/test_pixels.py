"""From stored pictures to pixels at a network's size."""

from __future__ import annotations

import torch

from bench.images.pixels import resize


def test_resizing_is_bilinear_without_antialias() -> None:
    pixels = torch.zeros(4, 8, 3, dtype=torch.uint8)
    pixels[:, 4:] = 200
    assert resize(pixels.numpy(), 2).tolist() == [[[0, 200]] * 2] * 3
    wide = resize(torch.tensor([[[0] * 3, [255] * 3]], dtype=torch.uint8).numpy(), 4)
    assert wide[0, 0].tolist() == [0, 64, 191, 255]
