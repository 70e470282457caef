"""HRA: weights turned by a chain of Householder reflections (Yuan et al., NeurIPS 2024)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.inserted import FoldedMethod
from bench.adapt.lazy import projections, reflections, torch
from bench.registry import method
from bench.spec import UserError


@method("hra", family="low_rank", extra=True)
@dataclass(frozen=True)
class Hra(FoldedMethod):
    """Multiplies each weight by `rank` reflections of its inputs: W (I - 2 u₁u₁ᵀ) … (I - 2 uᵣuᵣᵀ), each u of norm 1.

    A product of reflections is orthogonal, so angles between a layer's outputs stay as pretrained. Neighbours start
    equal, so that they cancel and the network starts as it was; hence an even rank. It stands for the orthogonal
    methods in place of BOFT: fewer numbers, and the product of a weight and a reflection costs what LoRA's does. No
    recipe for VTAB-1k is published, so it is that of `lora`, without dropout. peft 0.21.2 has HRA too, but multiplies
    square matrices of all inputs in each step, and raises on convolutions in channels-last memory.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((2, 4, 8, 16, 32)),
        "targets": CategoricalDistribution(grids.TARGETS),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    quick: ClassVar[Mapping[str, Any]] = {**FoldedMethod.quick, "lr": 3e-3}

    rank: int = 8
    targets: str = "all"

    def __post_init__(self) -> None:
        """Raises UserError for an odd rank, and for layers that nothing is said of."""
        super().__post_init__()
        grids.check_targets(self.targets)
        if self.rank < 2 or self.rank % 2:
            raise UserError(
                f"a rank of {self.rank} reflections does not start in pairs that cancel; choose an even one"
            )

    def refusal(self, network: torch.nn.Module) -> str | None:
        """No layer to be adapted, or none that is wide enough."""
        return projections.unsuitable(network, self.targets, self.rank)

    def insert(self, network: torch.nn.Module) -> None:
        """A chain of reflections on the weight of each layer."""
        if why := self.refusal(network):
            raise UserError(why)
        for layer in projections.projections(network, self.targets, self.rank).values():
            reflections.turn(layer, self.rank)

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """The reflections; the weights below them keep their values under other names."""
        return {name for name in super().chosen(network) if name.endswith(".u")}

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with its weights as they were turned."""
        return reflections.turned(network)
