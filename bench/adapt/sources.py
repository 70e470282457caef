"""What a training reads its batches from: pixels, or activations of the frozen part of a network.

A batch is one tensor, int64 (2 + draws, batch): the rows of its images, their labels, and what was drawn for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from bench.adapt.augment import Augmentation
from bench.backbone.activations import Activations
from bench.costs.memory import fits
from bench.images.pixels import placed
from bench.images.resize import to_size
from bench.spec import Backbone, Images, Split


class Source(Protocol):
    """The examples of a training."""

    rows: Tensor  # int64 (n,), on the CPU: where each example lies
    labels: Tensor  # int64 (n,), on the CPU

    def draw(self, count: int) -> Tensor:
        """Random numbers for `count` examples, int64 (draws, count), from torch's CPU generator."""

    def scores(self, network: nn.Module, rows: Tensor, draws: Sequence[Tensor]) -> Tensor:
        """The network's scores (batch, classes) of the examples in these rows, on the backbone's device."""


class Pixels:
    """Images, with augmentation where the task allows it."""

    def __init__(self, backbone: Backbone, split: Split) -> None:
        self.backbone = backbone
        self.pixels, self.rows = place(backbone, split.images)
        self.labels = torch.from_numpy(split.labels)
        self.augment = Augmentation.of(split.augment, backbone.image_size, backbone.device)

    def draw(self, count: int) -> Tensor:
        """Lines of the augmentation's tables, (2, count)."""
        return self.augment.draw(count)

    def scores(self, network: nn.Module, rows: Tensor, draws: Sequence[Tensor]) -> Tensor:
        """The network's scores of images, augmented as drawn."""
        chosen = self.pixels.index_select(0, rows.to(self.pixels.device)).to(self.backbone.device)
        images = self.augment(to_size(chosen, self.backbone.image_size), draws)
        scores: Tensor = network(self.backbone.inputs(images))
        return scores


class Cached:
    """Activations of a network's frozen part, without augmentation; `behind` is the part that gives scores of them.

    What is looked at and evaluated is the whole network, so `behind` must compute as it does.
    """

    def __init__(
        self, backbone: Backbone, split: Split, found: Activations, behind: Callable[[nn.Module, Tensor], Tensor]
    ) -> None:  # fmt: skip
        self.backbone, self.found, self.behind = backbone, found, behind
        self.rows, self.labels = found.rows, torch.from_numpy(split.labels)

    def draw(self, count: int) -> Tensor:
        """Nothing, (0, count)."""
        return torch.empty(0, count, dtype=torch.int64)

    def scores(self, network: nn.Module, rows: Tensor, draws: Sequence[Tensor]) -> Tensor:
        """The scores of activations that are held, which were read without augmentation."""
        held = self.found.held
        chosen = held.index_select(0, rows.to(held.device)).to(self.backbone.device)
        return self.behind(network, chosen.float())


def place(backbone: Backbone, images: Images) -> tuple[Tensor, Tensor]:
    """Pixels for a training and the rows of the images among them, as `placed`: on the device where they fit.

    Where they do not, each batch is moved by itself.
    """
    room = fits(3 * backbone.image_size**2 * len(images), backbone.device)
    return placed(images, backbone.image_size, backbone.device if room else torch.device("cpu"))
