"""L2-SP and its kin: fine-tuning with a penalty on what moves away from the pretrained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import cut, penalties, torch
from bench.registry import method
from bench.spec import Backbone, UserError
from methods.fine_tune import FineTune

STRENGTHS = {"l2_sp": 0.01, "bss": 0.001, "delta": 0.01}


@method("l2_sp", family="weights", extra=True)
@dataclass(frozen=True)
class L2SP(FineTune):
    """`fine_tune` with a penalty: `strength` times one of three, where θ₀ is the pretrained network.

    - `l2_sp`: ½ ||θ - θ₀||² over the backbone, and ½ ||head||²; it takes the place of weight decay.
    - `bss`: the squared smallest singular value of the embeddings of a batch.
    - `delta`: ½ of what the last map, or the tokens, of each stage moved: squared, the mean over places, summed over
      channels and images. Channels weigh alike, without DELTA's attention, which needs a pass for every filter.

    Source: Li et al. 2018, Chen et al. 2019, Li et al. 2019, as in thuml/Transfer-Learning-Library@c4aa59e,
    tllib/regularization. `strength` None is theirs: 0.01, 0.001 and 0.01.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        **{name: values for name, values in FineTune.space.items() if name not in ("weight_decay", "layer_decay")},
        "penalty": CategoricalDistribution(tuple(STRENGTHS)),
        "strength": FloatDistribution(1e-4, 1.0, log=True),
    }

    quick: ClassVar[Mapping[str, Any]] = TrainedMethod.quick

    weight_decay: float = 0.0
    layer_decay: float = 1.0  # of the source, which has one rate for the whole backbone
    penalty: str = "l2_sp"
    strength: float | None = None

    def __post_init__(self) -> None:
        """Raises UserError for a penalty that does not exist."""
        super().__post_init__()
        if self.penalty not in STRENGTHS:
            raise UserError(f"l2_sp has no penalty {self.penalty!r}; choose {', '.join(STRENGTHS)}")

    def refusal(self, network: torch.nn.Module) -> str | None:
        """For `delta`, a network without residual blocks."""
        if self.penalty != "delta" or cut.residual_blocks(network):
            return None
        return f"delta compares the maps of residual blocks and {type(network).__name__} has none"

    def rule(self, backbone: Backbone, network: torch.nn.Module) -> penalties.Penalty:
        """The penalty, times its strength."""
        strength = STRENGTHS[self.penalty] if self.strength is None else self.strength
        return penalties.of(self.penalty, strength, backbone, network)
