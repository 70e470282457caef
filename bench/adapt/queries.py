"""Visual query tuning: learned queries look at the tokens in every block of a frozen vision transformer.

Source: Tu et al. 2023, section 3; andytu28/VQT @ 9bca87e, src/models/vit_backbones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.adapt.places import tokens


class Queries(nn.Module):
    """The queries of one block, and what they read in the last forward pass."""

    read: Tensor | None = None  # (batch, queries, width)

    def __init__(self, count: int, width: int, bound: float, dropout: float) -> None:
        """Draws `count` queries uniformly from -bound to bound."""
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(count, width).uniform_(-bound, bound))
        self.dropout = nn.Dropout(dropout)


class Reader:
    """Reads with the queries of one block when the block has computed the keys and values of its own tokens."""

    def __init__(self, block: Any, queries: Queries) -> None:
        self.block, self.queries = block, queries

    def see(self, _qkv: nn.Module, _inputs: object, output: Tensor) -> None:
        """The hook of the block's projection to queries, keys and values, (batch, tokens, 3 · heads · head's width).

        The queries p give p + attn(norm1(p), tokens) = h, then h + mlp(norm2(h)). They are no keys and no values, so
        the block's own tokens do not see them.
        """
        block, attn = self.block, self.block.attn
        # A copy, not a view: the counter of FLOPs cannot follow a view of a parameter into a module in inference mode.
        asked = self.queries.dropout(self.queries.tokens.repeat(len(output), 1, 1))
        _, keys, values = output.unflatten(2, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
        width, bias = output.shape[2] // 3, attn.qkv.bias
        q = functional.linear(block.norm1(asked), attn.qkv.weight[:width], None if bias is None else bias[:width])
        q = attn.q_norm(q.unflatten(2, (attn.num_heads, -1)).transpose(1, 2))
        found = functional.scaled_dot_product_attention(q, attn.k_norm(keys), values).transpose(1, 2).flatten(2)
        h = asked + block.ls1(attn.proj(attn.norm(found)))
        self.queries.read = h + block.ls2(block.mlp(block.norm2(h)))


class QueryHead(nn.Linear):
    """A linear head on the network's embedding and on what the queries of all blocks read, each of unit norm."""

    def __init__(self, width: int, classes: int, queries: Sequence[Queries]) -> None:
        super().__init__(width + sum(one.tokens.numel() for one in queries), classes)
        self.queries = tuple(queries)  # parts of their blocks, and not of the head

    def forward(self, embedding: Tensor) -> Tensor:
        """Scores (batch, classes) of embeddings (batch, width)."""
        parts = [embedding]
        for one in self.queries:
            assert one.read is not None
            parts.append(one.read.flatten(1))
            one.read = None
        return super().forward(torch.cat([functional.normalize(part) for part in parts], dim=1))


def insert(network: Any, count: int, dropout: float) -> None:
    """Adds queries to each block of a plain vision transformer, and puts a head on all of it in place of its own."""
    rows, columns = network.patch_embed.patch_size
    added = []
    for block in tokens(network).blocks:
        width = block.attention.width
        queries = Queries(count, width, (6 / (3 * rows * columns + width)) ** 0.5, dropout)
        block.module.add_module("queries", queries)
        block.attention.inner.get_submodule("qkv").register_forward_hook(Reader(block.module, queries).see)
        added.append(queries)
    network.head = QueryHead(network.head.in_features, network.num_classes, added)
