"""A network whose linear head reads selected features of all its layers, so that both can be trained together."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from bench.pooling import pool, pooled_width
from bench.probe import Probe, norms, pack, unpack
from bench.reading import taps
from bench.spec import Backbone
from bench.taps import listen
from bench.tuned import Tuned


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
