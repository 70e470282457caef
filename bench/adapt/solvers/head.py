"""A linear head, and the heads from which solvers start."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.spec import UserError


@dataclass(frozen=True)
class Head:
    """A linear head: scores are features @ weight + bias."""

    weight: Tensor  # (features, classes)
    bias: Tensor  # (classes,)
    selected: Tensor | None = None  # int64 (features,), sorted: which of all it reads; None for all as they are

    def scores(self, features: Tensor) -> Tensor:
        """Scores (n, classes) of the features that it reads, (n, features)."""
        return features @ self.weight + self.bias


def zero(features: Tensor, classes: int) -> Head:
    """A head on features (n, d) that is zero, from which a convex solver starts."""
    return Head(features.new_zeros(features.shape[1], classes), features.new_zeros(classes))


def fresh(count: int, classes: int, device: torch.device) -> Head:
    """A head on `count` features with Glorot's uniform random weights, as in Head2Toe's official code, and no bias.

    It is drawn on the CPU, so that a seed means the same on every device.
    """
    weight = torch.nn.init.xavier_uniform_(torch.empty(count, classes, device="cpu"))
    return Head(weight.to(device), torch.zeros(classes, device=device))


@torch.no_grad()
def start(classifier: torch.nn.Module, head: Head | None) -> None:
    """Lets a network's classifier start as a linear head on its input, or at zero.

    The classifier is a linear layer or a convolution of one pixel. Raises UserError for any other.
    """
    weight, bias = getattr(classifier, "weight", None), getattr(classifier, "bias", None)
    if not isinstance(weight, Tensor):
        raise UserError(f"the network's head is a {type(classifier).__name__}; choose one with a linear head")
    weight.copy_(torch.zeros_like(weight) if head is None else head.weight.t().reshape(weight.shape))
    if isinstance(bias, Tensor):
        bias.copy_(torch.zeros_like(bias) if head is None else head.bias)
