"""Visual query tuning: queries in every block read a frozen vision transformer, and a linear head reads all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import places, queries, torch
from bench.registry import method
from bench.spec import UserError


@method("vqt", family="heads", extra=True)
@dataclass(frozen=True)
class VQT(InsertedMethod):
    """Trains `queries` tokens p in each block, and a linear head on what they read and on the embedding.

    h = p + attn(norm1(p), X) and y = h + mlp(norm2(h)), by the block's own weights, with queries from p, and keys and
    values from the block's tokens X. These do not see p, so the network computes what it always does, and no gradient
    goes through it. The y of each block, and the embedding, have unit norm.
    """

    # Tu et al. 2023 (andytu28/VQT @ 9bca87e): 100 epochs, dropout of 0.1 on queries, 1, 10 or 20 queries and rates from
    # 0.0125 to 0.25 in batches of 64, of which validation images choose for each task; weight decay likewise.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "queries": CategoricalDistribution((1, 10, 20)),
        "lr": FloatDistribution(1e-3, 0.25, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    choices: ClassVar[dict[str, Any]] = {"lr": (1e-2, 3e-3, 3e-2, 0.1)}

    queries: int = 10
    dropout: float = 0.1
    lr: float | None = 1e-2
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        """Raises UserError without a query, and for a head from the linear probe, which reads less."""
        if self.head != "zero":
            raise UserError(f"the head of vqt starts at zero, not at {self.head!r}")
        if self.queries < 1:
            raise UserError(f"vqt:queries={self.queries} reads nothing; choose 1 or more")

    @property
    def passes(self) -> float:
        """A forward pass an epoch; what the queries add, and their gradients, are small beside it."""
        return 1.2 * self.epochs

    def refusal(self, network: torch.nn.Module) -> str | None:
        """It needs a plain ViT."""
        return places.needs_tokens(network, "vqt")

    def insert(self, network: torch.nn.Module) -> None:
        """Adds the queries, and the head on all that they read."""
        queries.insert(network, self.queries, self.dropout)
