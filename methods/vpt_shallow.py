"""VPT-shallow: learned tokens before the first block of a vision transformer (Jia et al., ECCV 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from bench.adapt.lazy import places, prompts, torch
from bench.registry import method
from methods.vpt_deep import VptDeep


@method("vpt_shallow", family="adapters", extra=True)
@dataclass(frozen=True)
class VptShallow(VptDeep):
    """Puts learned tokens behind the class token before the first block, and takes them out behind the last.

    Source: Jia et al., ECCV 2022, section 3.2, and KMnP/vpt@4410440, src/models/vit_prompt/vit.py. Their number is
    tuned by task there. They are trained by AdamW here, as by NOAH (Zhang et al. 2022), not by SGD.
    """

    prompts: int = 50
    dropout: float = 0.0

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network that is no plain ViT."""
        return places.needs_tokens(network, "vpt_shallow")

    def insert(self, network: torch.nn.Module) -> None:
        """Prompts before the first block."""
        prompts.insert(network, 1, self.prompts, self.dropout)
