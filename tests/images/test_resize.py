"""The one rule by which pictures come to a network's size, one at a time or a batch at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.images.resize import AT_ONCE, resize, to_size


def test_resizing_is_bilinear_without_antialias() -> None:
    pixels = torch.zeros(4, 8, 3, dtype=torch.uint8)
    pixels[:, 4:] = 200
    assert resize(pixels.numpy(), 2).tolist() == [[[0, 200]] * 2] * 3
    wide = resize(torch.tensor([[[0] * 3, [255] * 3]], dtype=torch.uint8).numpy(), 4)
    assert wide[0, 0].tolist() == [0, 64, 191, 255]


@pytest.mark.parametrize("shape", [(8, 8), (64, 64), (13, 7), (1, 1), (100, 30), (96, 96)])
@pytest.mark.parametrize("size", [8, 32, 75, 96])
def test_a_batch_has_the_pixels_of_its_pictures(shape: tuple[int, int], size: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, *shape, 3), dtype=np.uint8)
    stored = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    alone = torch.stack([resize(picture, size) for picture in pictures])
    assert torch.equal(to_size(stored, size), alone)
    assert alone.shape == (3, 3, size, size) and alone.dtype == torch.uint8


def test_many_pictures_are_resized_a_part_at_a_time() -> None:
    size = 300
    stored = torch.randint(256, (2 * AT_ONCE // (3 * size * size) + 1, 3, 4, 6), dtype=torch.uint8)
    assert torch.equal(to_size(stored, size), torch.cat([to_size(one, size) for one in stored.split(1)]))
