"""Householder reflections of a weight's inputs, as a parametrisation of torch's."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize


class Reflections(nn.Module):
    """Turns a weight (outputs, inputs, …) by `rank` reflections, applied from the first to the last.

    `u`, (inputs, rank), starts by kaiming uniform in pairs of equal columns, so that each pair cancels. Source: Yuan et
    al. 2024, section 4, without their optional orthogonalisation.
    """

    def __init__(self, inputs: int, rank: int) -> None:
        super().__init__()
        half = nn.init.kaiming_uniform_(torch.empty(inputs, rank // 2), a=math.sqrt(5))
        self.u = nn.Parameter(half.repeat_interleave(2, dim=1))

    def forward(self, weight: Tensor) -> Tensor:
        """The turned weight, of the same shape."""
        rows = weight.flatten(1)
        for u in functional.normalize(self.u, dim=0).unbind(1):
            rows = rows - 2 * (rows @ u[:, None]) * u
        return rows.view(weight.shape)


def turn(layer: Any, rank: int) -> None:
    """Puts a chain of reflections on a layer's weight."""
    chain = Reflections(layer.weight[0].numel(), rank)
    parametrize.register_parametrization(layer, "weight", chain, unsafe=True)


def turned(network: nn.Module) -> nn.Module:
    """The network with its weights as they were turned, in layers without reflections."""
    for layer in list(network.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
    return network
