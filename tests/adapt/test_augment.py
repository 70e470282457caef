"""Augmentation: what it may change, by how much, and that its draws mean the same for every size of batch."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench.adapt.augment import Augmentation

CPU = torch.device("cpu")


def augmentation(*allowed: str, size: int = 16) -> Augmentation:
    return Augmentation.of(frozenset(allowed), size, CPU)


def noise(count: int, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


def test_nothing_is_changed_unless_it_is_allowed() -> None:
    images, made = noise(8), augmentation()
    assert torch.equal(made(images, made.draw(8)), images)
    made = augmentation("flip")
    flipped = made(images, made.draw(8))
    same = [(one == two).all().item() for one, two in zip(flipped, images, strict=True)]
    mirrored = [(one == two.flip(2)).all().item() for one, two in zip(flipped, images, strict=True)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True)) and any(same) and any(mirrored)


def test_shift_moves_each_image_and_mirrors_its_border() -> None:
    images, made = noise(1, 25).repeat(200, 1, 1, 1), augmentation("shift", size=25)
    moved = made(images, made.draw(200))
    assert moved.shape == images.shape and moved.dtype == torch.uint8
    padded = functional.pad(images[0].float(), [2] * 4, mode="reflect").to(torch.uint8)
    windows = [padded[:, top : top + 25, left : left + 25] for top in range(5) for left in range(5)]
    places = [[torch.equal(one, window) for window in windows].index(True) for one in moved]
    assert set(places) == set(range(25))


def test_every_draw_is_the_shifted_image_or_its_mirror_image() -> None:
    images, made = noise(40), augmentation("flip", "shift")
    draws = made.draw(40)
    for image, found, down, right in zip(images, made(images, draws), *draws.tolist(), strict=True):
        padded = functional.pad(image.float(), [1] * 4, mode="reflect").to(torch.uint8)
        window = padded[:, down : down + 16, right % 3 : right % 3 + 16]
        assert torch.equal(found, window.flip(2) if right >= 3 else window)


def test_draws_mean_the_same_for_every_size_of_batch() -> None:
    images, made = noise(9), augmentation("flip", "shift")
    torch.manual_seed(3)
    draws = made.draw(9)
    torch.manual_seed(3)
    assert torch.equal(draws, made.draw(9))
    parts = [made(some, of_some) for some, of_some in zip(images.split(4), draws.split(4, dim=1), strict=True)]
    assert torch.equal(torch.cat(parts), made(images, draws))


def test_the_smallest_image_stays_as_it_is() -> None:
    made = augmentation("flip", "shift", size=1)
    images = noise(2, 1)
    assert torch.equal(made(images, made.draw(2)), images)
