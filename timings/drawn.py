"""Images for timings that need some to learn from: noise with a tint for each class, drawn when it is asked for."""

from __future__ import annotations

import numpy as np


class Drawn:
    """So many pictures of one size; the class of each is its number, counted around."""

    def __init__(self, count: int, size: int, classes: int) -> None:
        self.size = size
        self.labels = np.arange(count) % classes
        self.tints = np.random.default_rng(0).integers(40, 216, (classes, 3))

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, index: int) -> np.ndarray:
        """Noise around a tint, uint8 (size, size, 3)."""
        noise = np.random.default_rng(index).integers(-40, 40, (self.size, self.size, 3))
        return (self.tints[self.labels[index]] + noise).astype(np.uint8)
