"""Augmentation: what it may change, and by how much."""

from __future__ import annotations

import torch

from bench.adapt.augment import augment, shift


def test_nothing_is_changed_unless_it_is_allowed() -> None:
    images = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(augment(images, frozenset()), images)
    flipped = augment(images, frozenset({"flip"}))
    same = [(one == two).all().item() for one, two in zip(flipped, images, strict=True)]
    mirrored = [(one == two.flip(2)).all().item() for one, two in zip(flipped, images, strict=True)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))


def test_shift_moves_each_image_and_mirrors_its_border() -> None:
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).repeat(50, 3, 1, 1)
    moved = shift(images, 2)
    assert moved.shape == images.shape
    assert moved.dtype == torch.uint8
    padded = torch.nn.functional.pad(images[0].float(), [2] * 4, mode="reflect").to(torch.uint8)
    windows = [padded[:, top : top + 8, left : left + 8] for top in range(5) for left in range(5)]
    places = [[torch.equal(one, window) for window in windows].index(True) for one in moved]
    assert len(set(places)) > 10
