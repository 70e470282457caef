"""DTL: a low-rank side network fed back to the later blocks, so no gradient enters the earlier (Fu et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import places, side, torch
from bench.registry import method
from bench.spec import UserError


@method("dtl", family="low_rank", extra=True)
@dataclass(frozen=True)
class Dtl(InsertedMethod):
    """Sums r = Σ B(A x) over the inputs x of the blocks, and behind the second half of them adds r·sigmoid(100 r).

    A reads down to `rank` numbers and B, which starts at zero, up again; each block has its own. The earlier blocks
    keep no activations for a backward pass, so training takes about half the memory. The network pools as it was
    pretrained to, where the authors' code takes the mean of the patches. Recipe: batches of 32 and weight decay 0.05;
    learning rate and drop path by task, as `space` has them.

    Source: AAAI 2024, section 3, and heekhero/DTL@bf6c51e, models/vision_transformer.py, without DTL+'s convolution.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((1, 2, 4, 8)),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    batch: int = 32
    weight_decay: float = 0.05
    rank: int = 2

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without pre-norm blocks that are equally wide, or narrower than the rank."""
        if why := places.needs_blocks(network, "dtl"):
            return why
        widths = {block.attention.width for block in places.transformer_blocks(network)}
        kind = type(network).__name__
        if len(widths) > 1:
            return f"dtl needs blocks of one width, and those of {kind} have {len(widths)}"
        if max(widths) < self.rank:
            return f"the tokens of {kind} are narrower than the rank {self.rank}; choose one of at most {max(widths)}"
        return None

    def insert(self, network: torch.nn.Module) -> None:
        """The side network."""
        if why := self.refusal(network):
            raise UserError(why)
        side.insert(network, self.rank)
