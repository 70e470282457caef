"""DoRA: a low-rank update of a weight's direction, its magnitude learned apart, by peft (Liu et al., ICML 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.registry import method
from methods.lora import Lora


@method("dora", family="low_rank", extra=True)
@dataclass(frozen=True)
class Dora(Lora):
    """LoRA whose updated rows are divided by their norms and scaled: m · (W + scale·B A) / ||W + scale·B A||.

    The norm is of each output's row, and has no gradient (section 4.3 of the paper). m starts at the norms of W, and is
    kept beside A and B. The recipe, the layers and the space are those of `lora`, so that the two differ in m alone.
    """

    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """As peft calls them."""
        return {**super().config(layers), "use_dora": True}
