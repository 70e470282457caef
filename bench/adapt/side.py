"""DTL's side network: a sum of low-rank readings of the tokens, which is fed back to the later blocks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from bench.adapt.places import transformer_blocks

SHARPNESS = 100.0  # of the sigmoid: nearly a step, with a gradient


class Side(nn.Module):
    """Low-rank readings: before block i the sum grows by up_i(down_i(x)); `down` (blocks, rank, width), `up` its turn.

    `down` has torch's own initialisation of linear layers, and `up` is zero, so nothing is fed back at first.
    """

    def __init__(self, width: int, rank: int, blocks: int) -> None:
        super().__init__()
        self.down = nn.Parameter((2 * torch.rand(blocks, rank, width) - 1) / math.sqrt(width))
        self.up = nn.Parameter(torch.zeros(blocks, width, rank))
        self.sum: Tensor | None = None  # during a forward pass

    def read(self, block: int, tokens: Tensor) -> None:
        """Adds what is read of the tokens (…, width) before a block."""
        read = tokens @ self.down[block].T @ self.up[block].T
        self.sum = read if block == 0 or self.sum is None else self.sum + read

    def feed(self, block: int, tokens: Tensor) -> Tensor:
        """The tokens behind a block, with x + r·sigmoid(100 r) of the sum r."""
        assert self.sum is not None
        fed = tokens + self.sum * torch.sigmoid(SHARPNESS * self.sum)
        if block == len(self.down) - 1:
            self.sum = None  # a network with it could not be copied
        return fed


class _Block:
    """What is done before and behind one block."""

    def __init__(self, side: Side, number: int) -> None:
        self.side, self.number = side, number

    def before(self, _block: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.side.read(self.number, inputs[0])

    def behind(self, _block: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return self.side.feed(self.number, output)


def insert(network: nn.Module, rank: int) -> None:
    """Adds a side network to a transformer of equal blocks; it is fed back behind the second half of them."""
    found = transformer_blocks(network)
    side = Side(found[0].attention.width, rank, len(found))
    network.add_module("dtl", side)
    for number, block in enumerate(found):
        place = _Block(side, number)
        block.module.register_forward_pre_hook(place.before)
        if number >= len(found) // 2:
            block.module.register_forward_hook(place.behind)
