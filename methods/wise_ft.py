"""WiSE-FT: the mean of the weights of a probe and of the network that is fine-tuned from it (Wortsman et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, FloatDistribution

from bench.adapt.lazy import torch, trained
from bench.registry import method
from bench.spec import Backbone, Meter, Split
from methods.fine_tune import FineTune
from methods.lp_ft import LpFt

if TYPE_CHECKING:
    from bench.adapt.sources import Source


@method("wise_ft", family="weights", extra=True)
@dataclass(frozen=True)
class WiseFt(LpFt):
    """θ = (1 - `alpha`) θ₀ + `alpha` θ₁, over every weight and every moving batch statistic.

    θ₀ is the pretrained network with the converged linear probe as its head, and θ₁ is what `lp_ft` makes of it. The
    paper's θ₀ has a head made of text by CLIP, which a network without text does not have; the probe is our choice.

    Source: mlfoundations/wise-ft@58b7a4b, src/wise_ft.py. The paper recommends 0.5 where no shifted images can choose.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {**FineTune.space, "alpha": FloatDistribution(0.1, 1.0)}

    alpha: float = 0.5

    def mix(self, network: torch.nn.Module, start: Mapping[str, torch.Tensor]) -> None:
        """Moves the weights and statistics of a network from where they are towards those of `start`, in place."""
        for name, value in network.state_dict().items():  # which share memory with the network, without gradients
            if value.is_floating_point():
                value.lerp_(start[name], 1 - self.alpha)

    def train(
        self, backbone: Backbone, network: torch.nn.Module, examples: Split | Source, meter: Meter
    ) -> trained.Trained:
        """Trains the network in place, and goes back to between its start and its end."""
        start = {name: value.clone() for name, value in network.state_dict().items()}
        adapted = super().train(backbone, network, examples, meter)
        self.mix(network, start)
        return adapted
