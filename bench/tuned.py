"""Networks of which some or all weights were trained for a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.spec import Backbone, Meter, Split
from bench.train import Recipe
from bench.train import train as run


@dataclass(frozen=True)
class Tuned:
    """A whole adapted network, in eval mode, and what of it must be kept."""

    backbone: Backbone  # for its preprocessing and device
    network: nn.Module
    delta: Callable[[nn.Module], Mapping[str, Tensor]]

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        return self.network(self.backbone.inputs(images)).float()  # type: ignore[no-any-return]

    def stored(self) -> Mapping[str, Tensor]:
        return {name: value.detach().cpu().contiguous() for name, value in self.delta(self.network).items()}


def train_whole(backbone: Backbone, network: nn.Module, train: Split, recipe: Recipe, meter: Meter) -> Tuned:
    """All weights of `network` trained by `recipe`; everything must be kept."""
    run(backbone, network.train(), train, recipe, meter)
    return Tuned(backbone, network, nn.Module.state_dict)


def restore_whole(backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Tuned:
    """The network whose weights were all kept."""
    network = backbone.network(classes)
    network.load_state_dict(dict(stored))
    return Tuned(backbone, network.eval(), nn.Module.state_dict)
