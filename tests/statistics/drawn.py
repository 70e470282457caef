"""Answers of made-up networks on made-up test images."""

from __future__ import annotations

import numpy as np

from bench.statistics import Sample


def drawn(seeds: int, images: int, seed: int = 0) -> np.ndarray:
    """Answers (seeds, images), True where right; an image is as easy for one network as for another."""
    dice = np.random.default_rng(seed)
    ease = dice.beta(4, 2, images)
    return dice.random((seeds, images)) < ease


def sample_of(right: np.ndarray, data: str = "") -> Sample:
    """The sample that answers (seeds, images) give."""
    return Sample(tuple(right.mean(axis=1).tolist()), right.shape[1], right, data)


def counts(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers (1, images) of two networks, by how many images both, one or none of them got right."""
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, first, second, neither], axis=0).astype(bool)
    return table[:, :1].T, table[:, 1:].T
