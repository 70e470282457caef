"""From stored pictures to kept pixels: at the stored size where all have one below the network's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from bench.images.pixels import PixelCache, batches, decoded, pixels
from bench.images.resize import resize, to_size
from bench.spec import Subset, UserError

SIZE = 12


class Pictures:
    """Random pictures of given heights and widths, which count how often each is decoded."""

    def __init__(self, shapes: list[tuple[int, int]]) -> None:
        self.shapes, self.decoded = shapes, Counter[int]()

    def __len__(self) -> int:
        return len(self.shapes)

    def decode(self, index: int) -> np.ndarray:
        self.decoded[index] += 1
        return np.random.default_rng(index).integers(0, 256, (*self.shapes[index], 3), dtype=np.uint8)

    def resized(self) -> torch.Tensor:
        """What a network of `SIZE` sees of them."""
        return torch.stack([resize(Pictures.decode(Pictures(self.shapes), place), SIZE) for place in range(len(self))])


@pytest.mark.parametrize(
    ("shapes", "kept"),
    [
        ([(5, 7)] * 9, (5, 7)),
        ([(SIZE, SIZE)] * 9, (SIZE, SIZE)),
        ([(20, 9)] * 9, (SIZE, SIZE)),
        ([(5, 7)] * 8 + [(7, 5)], (SIZE, SIZE)),
        ([(5, 7), (30, 30)] * 4, (SIZE, SIZE)),
    ],
)
def test_pictures_of_one_small_size_are_kept_at_it(shapes: list[tuple[int, int]], kept: tuple[int, int]) -> None:
    pictures = Pictures(shapes)
    found = pixels(pictures, SIZE)
    assert found.shape == (len(shapes), 3, *kept) and found.dtype == torch.uint8 and found.is_contiguous()
    assert torch.equal(to_size(found, SIZE), pictures.resized())
    streamed = [to_size(batch, SIZE) for batch in batches(pictures, SIZE, 2)]
    assert torch.equal(torch.cat(streamed), pictures.resized())


def test_a_task_decodes_each_picture_once() -> None:
    pictures = Pictures([(5, 7)] * 9)
    cache = PixelCache(pictures)
    whole = cache.pixels(SIZE)
    assert pixels(cache, SIZE) is whole
    assert torch.equal(pixels(Subset(Subset(cache, range(2, 8)), [1, 3]), SIZE), whole[[3, 5]])
    assert pictures.decoded == Counter(range(9))


def test_a_cache_serves_one_network_size_at_a_time() -> None:
    cache = PixelCache(Pictures([(5, 7)] * 3))
    assert cache.pixels(SIZE).shape == (3, 3, 5, 7)
    assert cache.pixels(4).shape == (3, 3, 4, 4)


def test_a_stream_that_is_left_decodes_no_more_than_it_began() -> None:
    pictures = Pictures([(5, 7)] * 500)
    stream = decoded(pictures, SIZE, 4)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert sum(pictures.decoded.values()) <= 12


def test_what_cannot_be_decoded_is_raised() -> None:
    class Broken(Pictures):
        def decode(self, index: int) -> np.ndarray:
            raise UserError(f"{index}.png cannot be decoded")

    with pytest.raises(UserError, match=r"0\.png cannot"):
        pixels(Broken([(5, 7)] * 3), SIZE)
