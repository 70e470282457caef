"""VPT-deep: learned tokens before every block of a vision transformer (Jia et al., ECCV 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import places, prompts, torch
from bench.registry import method
from bench.spec import UserError

MOST = 1000  # prompts: five times the tokens of a ViT-B/16, and their attention 25 times its own


@method("vpt_deep", family="adapters")
@dataclass(frozen=True)
class VptDeep(InsertedMethod):
    """Puts new learned tokens behind the class token before each block, and takes them out behind the last.

    Source: Jia et al., ECCV 2022, section 3.2, and KMnP/vpt@4410440, src/models/vit_prompt/vit.py. Their number is
    tuned by task there. They are trained by AdamW here, as by NOAH (Zhang et al. 2022), not by SGD.
    """

    # Numbers of prompts as their code sweeps, without the 200 that take twice the memory.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "prompts": CategoricalDistribution((1, 5, 10, 50, 100)),
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    prompts: int = 10
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raises UserError for a number of prompts that no network bears."""
        super().__post_init__()
        if not 1 <= self.prompts <= MOST:
            raise UserError(f"{self.prompts} prompts cannot be; choose 1 to {MOST:,}")

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network that is no plain ViT."""
        return places.needs_tokens(network, "vpt_deep")

    def insert(self, network: torch.nn.Module) -> None:
        """Prompts before each block."""
        prompts.insert(network, None, self.prompts, self.dropout)
