"""Small networks with random weights, and a few pictures that are coloured by their class."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import timm
import torch

from bench.backbone.network import TimmBackbone
from bench.spec import BackboneSpec, Split

CPU = torch.device("cpu")
SIZE, CLASSES = 32, 4


class Coloured:
    """Pictures of noise around a colour of their class."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, index: int) -> np.ndarray:
        drawn = np.random.default_rng(index)
        colour = np.random.default_rng(1000 + self.labels[index]).integers(60, 196, 3)
        return (colour + drawn.integers(-60, 60, (SIZE, SIZE, 3))).astype(np.uint8)


def split(count: int = 40) -> Split:
    """So many pictures of four classes; a fifth of them are validation images."""
    labels = np.arange(count) % CLASSES
    return Split(Coloured(labels), labels, CLASSES, count // 5)


@lru_cache
def network_of(name: str) -> TimmBackbone:
    """A network of timm's for pictures of 32 pixels; `swin` is a tiny Swin."""
    torch.manual_seed(0)
    options: dict[str, Any] = {"img_size": SIZE} if "vit" in name or name == "swin" else {}
    if name == "swin":
        name = "swin_tiny_patch4_window7_224"
        options |= {"window_size": 4, "embed_dim": 12, "depths": (1, 1, 1, 1)}
    return TimmBackbone(BackboneSpec(name, image_size=SIZE), timm.create_model(name, **options), CPU)
