"""Efficient probing: learned queries attend to the tokens of a frozen network, and a linear head reads the result."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

STD = 0.02  # of the queries at the start


class AttentiveNetwork(nn.Module):
    """A frozen network and an attentive head on the tokens, or the places of the last map, before its own head."""

    def __init__(self, network: Any, queries: int, classes: int) -> None:
        """Draws what is trained on the CPU. `network` stays as it is, frozen and in eval mode, and is not copied."""
        super().__init__()
        self.network = network
        self.channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        with torch.device("cpu"):
            self.attentive = AttentiveHead(network.num_features, queries, classes)
        self.attentive.to(next(network.parameters()).device)

    def train(self, mode: bool = True) -> AttentiveNetwork:
        """Puts the attentive head into train or eval mode; the network stays in eval mode."""
        self.training = mode
        self.attentive.train(mode)
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores (batch, classes) of normalised input (batch, 3, size, size)."""
        return self.behind(self.network.forward_features(inputs))

    def behind(self, features: Tensor) -> Tensor:
        """Scores (batch, classes) of what the network hands on to its head: tokens (batch, n, width), or a map."""
        if features.dim() == 4:
            features = features.flatten(1, 2) if self.channels_last else features.flatten(2).transpose(1, 2)
        scores: Tensor = self.attentive(features)
        return scores


class AttentiveHead(nn.Module):
    """Query g weighs the tokens x by softmax(q_g·x / √d), and reads group g of their values V x; then a linear head.

    The values of d numbers fall into as many groups as there are queries. What is read has batch norm without scale and
    shift. Source: billpsomas/efficient-probing @ b8f4fb8, poolings/; Psomas et al. 2025, section 3.
    """

    def __init__(self, width: int, queries: int, classes: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(STD * torch.randn(queries, width))
        self.values = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width, affine=False, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores (batch, classes) of tokens (batch, n, width).

        Values are linear, so those of the weighted tokens are taken: n times fewer than of all tokens.
        """
        groups, width = self.queries.shape
        weights = (self.queries @ tokens.transpose(1, 2) * width**-0.5).softmax(2)
        read = (weights @ tokens).transpose(0, 1)  # (groups, batch, width)
        found = read @ self.values.weight.view(groups, width // groups, width).transpose(1, 2)
        scores: Tensor = self.head(self.norm(found.transpose(0, 1).flatten(1)))
        return scores

    def kept(self) -> dict[str, Tensor]:
        """All that is trained, and the batch statistics."""
        state: dict[str, Tensor] = self.state_dict()
        state.pop("norm.num_batches_tracked")
        return state


def groups(width: int, queries: int) -> int:
    """How many queries there are: as many as asked, or the next smaller number that divides the width."""
    return next(count for count in range(min(queries, width), 0, -1) if width % count == 0)
