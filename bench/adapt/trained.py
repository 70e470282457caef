"""A network whose linear head reads selected features of all its layers, so that both can be trained together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.adapt.probe import Probe, norms, pack, unpack
from bench.adapt.train import Recipe
from bench.adapt.train import train as run
from bench.backbone.forward import taps
from bench.backbone.pooling import pool, pooled_width
from bench.backbone.taps import listen
from bench.spec import Backbone, Meter, Split


class SelectedNetwork(nn.Module):
    """The backbone's network, its own head kept, with a new head on features of its taps as a Probe has it."""

    def __init__(self, network: nn.Module, probe: Probe) -> None:
        super().__init__()
        self.network = network
        self.weight, self.bias = nn.Parameter(probe.weight.clone()), nn.Parameter(probe.bias.clone())
        self.probe = probe  # what is read, and where
        self.layouts = {tap.name: tap.layout for tap in taps(probe.backbone, probe.target)}

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores (batch, classes) of normalised input (batch, 3, size, size)."""
        parts: dict[str, Tensor] = {}

        def receive(name: str, output: Tensor) -> None:
            columns = self.probe.pieces[name].columns
            pooled = pool(output, self.layouts[name], self.probe.target)
            part = pooled if columns is None else pooled.index_select(1, columns)
            parts[name] = part / norms(part)

        with listen(self.network, list(self.probe.pieces), receive):
            self.network(inputs)
        return torch.cat([parts[name] for name in self.probe.pieces], dim=1) @ self.weight + self.bias


def trainable(probe: Probe) -> SelectedNetwork:
    """A copy of the backbone's network to be trained, its head starting as the probe's."""
    network = deepcopy(probe.backbone.module)
    return SelectedNetwork(network.requires_grad_(True), probe)


def tuned(network: SelectedNetwork) -> Tuned:
    """As what it is judged and kept: all weights, and which features are read."""
    return Tuned(network.probe.backbone, network, _everything)


def untouched(probe: Probe) -> Tuned:
    """A probe as a network of which the head alone is kept."""
    return Tuned(probe.backbone, SelectedNetwork(probe.backbone.module, probe).eval(), _head)


def restore(backbone: Backbone, target: int | None, stored: Mapping[str, Tensor]) -> Tuned:
    """The network that `stored` was taken from."""
    width = sum(pooled_width(tap, target) for tap in taps(backbone, target))
    selected = unpack(stored, width)
    assert selected is not None
    device = backbone.device
    probe = Probe(backbone, target, selected.to(device), width, stored["weight"].to(device), stored["bias"].to(device))
    weights = {name: value for name, value in stored.items() if name not in ("mask", "index")}
    if len(weights) == 2:
        return untouched(probe)
    network = trainable(probe)
    network.load_state_dict(weights)
    return tuned(network.eval())


def _everything(network: nn.Module) -> Mapping[str, Tensor]:
    assert isinstance(network, SelectedNetwork)
    return {**network.state_dict(), **_selection(network)}


def _head(network: nn.Module) -> Mapping[str, Tensor]:
    assert isinstance(network, SelectedNetwork)
    return {"weight": network.weight, "bias": network.bias, **_selection(network)}


def _selection(network: SelectedNetwork) -> dict[str, Tensor]:
    assert network.probe.selected is not None
    return pack(network.probe.selected, network.probe.width)


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
