"""SSF: a scale and a shift of the channels behind every layer, which fold into the layers (Lian et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import FoldedMethod
from bench.adapt.lazy import adapters, places, taps, torch
from bench.registry import method


@method("ssf", family="adapters", extra=True)
@dataclass(frozen=True)
class Ssf(FoldedMethod):
    """Scales and shifts each channel of what every linear layer, convolution and layer norm with a bias computes.

    The head is left out. Scales start near 1 and shifts near 0. Behind a batch norm it would be that norm's own scale
    and shift, which `norm_tuning` trains: a network with batch norm is refused.

    Source: NeurIPS 2022, section 3.2, and dongzelian/SSF@e94e0e7, models/vision_transformer.py.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-4, 5e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "drop_path": CategoricalDistribution((0.0, 0.1, 0.2)),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    weight_decay: float = 5e-5  # on the head alone: scales and shifts are vectors

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network with batch norm, and one whose attention goes around its layers."""
        return places.refuses_hooks(network, "ssf")

    def insert(self, network: torch.nn.Module) -> None:
        """A scale and a shift behind every layer that has a bias."""
        for layer, dim in places.layers_with_bias(network, taps.head(network)):
            weight = layer.weight
            assert isinstance(weight, torch.Tensor)
            layer.ssf = adapters.ScaleShift(len(weight), dim)
            layer.register_forward_hook(layer.ssf.apply_to)

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with each scale and shift folded into its layer."""
        for layer, _ in places.layers_with_bias(network, taps.head(network)):
            ssf = layer.ssf
            assert isinstance(ssf, adapters.ScaleShift)
            ssf.fold(layer)
            del layer.ssf
            layer._forward_hooks.clear()
        return network
