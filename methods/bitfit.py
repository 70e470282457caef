"""BitFit: only biases are trained, and a head (Ben Zaken et al., ACL 2022; TinyTL-bias in vision)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.lazy import torch
from bench.adapt.subset import SubsetMethod
from bench.registry import method

BIASES = ("bias", "q_bias", "k_bias", "v_bias")  # the last three in attention of BEiT, EVA and Swin v2


@method("bitfit", family="weights", extra=True)
@dataclass(frozen=True)
class BitFit(SubsetMethod):
    """Trains b of every layer W x + b, those of norms and of the patch embedding among them; W stays as it is.

    In a CNN whose convolutions have no biases these are the shifts of batch norm. Biases have no weight decay.

    Source: OSU-MLB/ViT_PEFT_Vision@cea7e21, where with a chosen rate it is ten points better than in the first tables
    of vision (KMnP/vpt@4410440, `tinytl-bias`): AdamW, a rate of 1e-3 or 1e-2, 100 epochs, drop path of 0.1.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "lr": FloatDistribution(1e-4, 3e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": grids.INSERTED}

    lr: float | None = 1e-3

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """Every bias."""
        return [name for name, _ in network.named_parameters() if name.rpartition(".")[2] in BIASES]

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without biases but in its head."""
        beside = set(self.chosen(network)) - self.of_head(network)
        return None if beside else f"bitfit trains biases and {type(network).__name__} has none"
