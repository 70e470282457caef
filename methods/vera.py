"""VeRA: vectors that scale random projections shared by all layers, by peft (Kopiczko et al., ICLR 2024)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.lazy import torch
from bench.adapt.peft_base import PeftMethod
from bench.registry import method
from bench.spec import Backbone


@method("vera", family="low_rank", extra=True)
@dataclass(frozen=True)
class Vera(PeftMethod):
    """Trains d and b of W x + b ∘ B (d ∘ A x); A and B are random, frozen, and the same for all layers.

    d starts at 0.1 and b at 0. A and B are never stored: they are drawn again from `projection_key`, on the CPU. It has
    no form for convolutions, so it runs on networks with linear layers. Recipe: rank 256 and learning rates about ten
    times those of LoRA; queries, keys and values, of which the paper adapts two.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((64, 128, 256, 512)),
        "targets": CategoricalDistribution(grids.TARGETS),
        "lr": FloatDistribution(1e-3, 1e-1, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": (1e-2, 3e-3, 3e-2, 1e-1)}
    quick: ClassVar[Mapping[str, Any]] = {**PeftMethod.quick, "lr": 2e-2}
    prefix: ClassVar[str] = "vera_lambda_"
    linear_only: ClassVar[bool] = True

    lr: float | None = 1e-2
    targets: str = "qkv"
    rank: int = 256
    projection_key: int = 0

    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """As peft calls them."""
        key = {"projection_prng_key": self.projection_key, "save_projection": False}
        return {"peft_type": "VERA", "r": self.rank, **key}

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """As every method of peft."""
        with drawn_again():
            return super().network(backbone, classes)

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """As every method of peft."""
        with drawn_again():
            super().load(network, stored)


@contextmanager
def drawn_again() -> Iterator[None]:
    """peft warns that the projections are not stored, which is what is wanted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Specified to not (save|load) vera_A and vera_B", UserWarning)
        yield
