"""A network with a linear readout of selected features of all its layers, so that both can be trained together."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from bench.adapt import probe as probes
from bench.adapt.probe import Probe
from bench.adapt.selection import norms, pack
from bench.backbone.forward import pooled, taps
from bench.backbone.last_blocks import Target
from bench.backbone.taps import listen
from bench.spec import Backbone


class ReadoutNetwork(nn.Module):
    """A network and a linear head on the features of its taps that a probe selects; its own head stays in it."""

    partly_read = True  # what comes behind the last tap that is selected gets no gradient

    def __init__(self, probe: Probe, trainable: bool) -> None:
        """Starts as the probe. The network is a copy to be trained with the head, or the backbone's own, frozen."""
        super().__init__()
        module = probe.backbone.module
        self.network = deepcopy(module).requires_grad_(True) if trainable else module
        self.trainable = trainable
        self.weight, self.bias = nn.Parameter(probe.weight.clone()), nn.Parameter(probe.bias.clone())
        self.probe = probe  # what is read, and where
        self.layouts = {tap.name: tap.layout for tap in taps(probe.backbone, probe.target)}

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores (batch, classes) of normalised input (batch, 3, size, size)."""
        parts: dict[str, Tensor] = {}

        def receive(name: str, output: Tensor) -> None:
            columns = self.probe.pieces[name].columns
            whole = pooled(self.network, name, self.layouts[name], output, self.probe.target)
            part = whole if columns is None else whole.index_select(1, columns)
            parts[name] = part / norms(part)

        with listen(self.network, list(self.probe.pieces), receive):
            self.network(inputs)
        return torch.cat([parts[name] for name in self.probe.pieces], dim=1) @ self.weight + self.bias

    def kept(self) -> Mapping[str, Tensor]:
        """The head and which features it reads; all weights of the network too where they were trained."""
        assert self.probe.selected is not None
        weights = self.state_dict() if self.trainable else {"weight": self.weight, "bias": self.bias}
        return {**weights, **pack(self.probe.selected, self.probe.width)}


def restore(backbone: Backbone, target: Target, stored: Mapping[str, Tensor]) -> ReadoutNetwork:
    """The network, in eval mode, that `stored` was kept of."""
    weights = {name: value for name, value in stored.items() if name not in ("mask", "index")}
    trainable = len(weights) > 2
    network = ReadoutNetwork(probes.restore(backbone, target, stored), trainable)
    if trainable:
        network.load_state_dict(weights)
    return network.eval()
