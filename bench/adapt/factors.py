"""FacT: the updates of all layers of a vision transformer as slices of one tensor in factors (Jie and Deng 2023)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.adapt.places import transformer_blocks

NAME = "fact"  # of the factors among a network's modules


class Factors(nn.Module):
    """The factors that all blocks share, u (rank, width) and v (width, rank), and small cores between them.

    A block has `rows` cores (rank, rank). In form "tt" each is a parameter; in form "tk" core i is the sum over j of
    `places[i, j]` times the j-th slice of one tensor `core` (rank, rank, rank).
    """

    def __init__(self, width: int, rank: int, blocks: int, multiple: int, form: str, dropout: float) -> None:
        super().__init__()
        self.rows, self.form = 4 + 2 * multiple, form
        self.u = nn.Parameter((2 * torch.rand(rank, width) - 1) / math.sqrt(width))
        self.v = nn.Parameter(torch.zeros(width, rank))
        self.dropout = nn.Dropout(dropout)
        if form == "tt":
            ways = rank**-0.5 * torch.ones(self.rows, 1, 1)
            ways[-multiple:] = (multiple * rank) ** -0.5  # the cores of a second MLP layer read all chunks together
            self.cores = nn.Parameter(ways * (2 * torch.rand(blocks, self.rows, rank, rank) - 1))
        else:
            self.places = nn.Parameter(nn.init.xavier_uniform_(torch.empty(blocks * self.rows, rank)))
            self.core = nn.Parameter(nn.init.xavier_uniform_(torch.empty(rank, rank, rank)))

    def of(self, block: int, rows: slice) -> Tensor:
        """Cores (rows, rank, rank) of a block."""
        if self.form == "tt":
            return self.cores[block, rows]
        places = self.places.unflatten(0, (-1, self.rows))[block, rows]
        cores: Tensor = (places @ self.core.flatten(1)).unflatten(1, self.core.shape[1:])
        return cores


@dataclass
class Update:
    """The update of one layer, whose outputs, or inputs where it `gathers`, are chunks as wide as the tokens."""

    layer: nn.Module
    factors: Factors
    block: int
    rows: slice
    gathers: bool
    scale: float

    def apply(self, _layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """What the layer gives, with the update's share added."""
        cores, tokens = self.factors.of(self.block, self.rows), inputs[0]
        narrow = tokens.unflatten(-1, (len(cores) if self.gathers else 1, -1)) @ self.factors.u.T
        narrow = narrow.flatten(-2) @ self._joined(cores).T
        chunks = self.factors.dropout(narrow.unflatten(-1, (-1, cores.shape[1])))
        added: Tensor = (chunks @ self.factors.v.T).flatten(-2)
        return output + self.scale * added

    def fold(self) -> None:
        """Adds the update to the layer's weight."""
        cores, layer = self.factors.of(self.block, self.rows), self.layer
        parts = list((self.scale * (self.factors.v @ cores @ self.factors.u)).unbind())
        weight: Any = layer.weight
        weight.data += torch.cat(parts, dim=1 if self.gathers else 0)

    def _joined(self, cores: Tensor) -> Tensor:
        """The cores as one matrix: beside each other where the layer gathers, else below each other."""
        return torch.cat(cores.unbind(), dim=1 if self.gathers else 0)


def insert(network: nn.Module, rank: int, form: str, dropout: float, scale: float) -> None:
    """Adds factors to a plain ViT, and the hooks that apply them to its layers."""
    found = transformer_blocks(network)
    width = found[0].attention.width
    multiple = hidden_multiple(network)
    factors = Factors(width, rank, len(found), multiple, form, dropout)
    network.add_module(NAME, factors)
    for number, one in enumerate(found):
        block: Any = one.module
        layers = (block.attn.qkv, 3, False), (block.attn.proj, 1, True), (block.mlp.fc1, multiple, False)
        first = 0
        for layer, rows, gathers in (*layers, (block.mlp.fc2, multiple, True)):
            update = Update(layer, factors, number, slice(first, first + rows), gathers, scale)
            layer.register_forward_hook(update.apply)
            first += rows


def fold(network: nn.Module) -> None:
    """Adds all updates to the weights of their layers, and takes the factors and hooks out."""
    with torch.no_grad():
        for module in network.modules():
            for key, hook in list(module._forward_hooks.items()):
                if isinstance(update := getattr(hook, "__self__", None), Update):
                    update.fold()
                    del module._forward_hooks[key]
    delattr(network, NAME)


def hidden_multiple(network: nn.Module) -> int:
    """How many times as wide as the tokens the MLPs are; 0 where layers have not the shapes that FacT needs."""
    multiples = set()
    for one in transformer_blocks(network):
        block: Any = one.module
        width = one.attention.width
        if not all(hasattr(*place) for place in ((block.attn, "qkv"), (block.mlp, "fc1"), (block.mlp, "fc2"))):
            return 0
        shapes = [
            tuple(layer.weight.shape) for layer in (block.attn.qkv, block.attn.proj, block.mlp.fc1, block.mlp.fc2)
        ]
        multiple = shapes[2][0] // width
        hidden = multiple * width
        fits = shapes == [(3 * width, width), (width, width), (hidden, width), (width, hidden)]
        multiples.add(multiple if fits else 0)
    return multiples.pop() if len(multiples) == 1 else 0
