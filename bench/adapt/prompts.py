"""Prompts of a vision transformer: learned tokens between the prefix tokens and the patches."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class Prompts(nn.Module):
    """Learned tokens (depth, count, width): new ones before each of the first `depth` blocks, taken out at the end.

    They are drawn from ±√(6 / (3·patch² + width)), and dropped out in training (Jia et al. 2022, section 3.2 and its
    code, KMnP/vpt@4410440).
    """

    def __init__(self, network: Any, depth: int, count: int, dropout: float) -> None:
        super().__init__()
        width, patch = network.embed_dim, network.patch_embed.patch_size
        most = math.sqrt(6 / (3 * patch[0] * patch[1] + width))
        self.tokens = nn.Parameter(torch.empty(depth, count, width).uniform_(-most, most))
        self.dropout = dropout
        self.prefix, self.count = int(network.num_prefix_tokens), count

    def into(self, depth: int, tokens: Tensor) -> Tensor:
        """The input of a block with the prompts of its depth, in place of the prompts that came before."""
        behind = self.prefix + (self.count if depth else 0)
        # No module: the counter of FLOPs cannot follow what a module is given in inference mode of a parameter's part.
        prompts = self.tokens[depth].expand(len(tokens), -1, -1)
        prompts = nn.functional.dropout(prompts, self.dropout, self.training)  # by image, as in the source
        return torch.cat([tokens[:, : self.prefix], prompts, tokens[:, behind:]], dim=1)

    def out_of(self, _block: nn.Module, _inputs: object, tokens: Tensor) -> Tensor:
        """A forward hook of the last block: its tokens without the prompts."""
        return torch.cat([tokens[:, : self.prefix], tokens[:, self.prefix + self.count :]], dim=1)


class Before:
    """A hook before a block, which puts the prompts of its depth in."""

    def __init__(self, prompts: Prompts, depth: int) -> None:
        self.prompts, self.depth = prompts, depth

    def put_in(self, _block: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The block's inputs, the tokens with the prompts first."""
        return (self.prompts.into(self.depth, inputs[0]), *inputs[1:])


def insert(network: Any, depth: int | None, count: int, dropout: float) -> None:
    """Gives a plain ViT prompts before its first `depth` blocks; None: before each."""
    depth = len(network.blocks) if depth is None else depth
    network.prompts = Prompts(network, depth, count, dropout)
    for number in range(depth):
        network.blocks[number].register_forward_pre_hook(Before(network.prompts, number).put_in)
    network.blocks[-1].register_forward_hook(network.prompts.out_of)
