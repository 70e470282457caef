"""Head2Toe without selection: the recipe's head on all pooled features, with an l1, l2 or group-lasso penalty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import ranking, solvers, torch
from bench.registry import method
from bench.spec import UserError

PENALTIES = {"l1": "l1", "l2": "l2", "l21": "group_lasso"}  # as people and as bench.adapt.solvers.adam names them


@method("head2toe_all", family="heads", extra=True)
@dataclass(frozen=True)
class Head2ToeAll(ProbeMethod):
    """Trains one penalised head on the pooled features of every layer, and keeps all of it.

    This is the paper's comparison of what selection is worth. Features are those of `head2toe`, each layer's scaled to
    unit norm an example. Adam trains the head with a penalty of `strength` times Σ |W| (l1), Σ W² (l2) or Σᵢ ||Wᵢ||₂
    (l21).
    """

    # The penalties of the official code (google-research/head2toe @ 6277f63); strengths a decade around its λ.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048)),
        "penalty": CategoricalDistribution(tuple(PENALTIES)),
        "strength": FloatDistribution(1e-6, 1e-3, log=True),
        "lr": FloatDistribution(0.003, 0.1, log=True),
        "steps": CategoricalDistribution((200, 500)),
    }
    folds: ClassVar[int] = 5

    target: int = 512
    penalty: str = "l21"
    strength: float = 1e-5
    lr: float = 0.01
    steps: int = 500
    batch: int = 128

    def __post_init__(self) -> None:
        """Raises UserError for a penalty that there is not."""
        if self.penalty not in PENALTIES:
            raise UserError(f"no penalty is called {self.penalty!r}; choose one of {', '.join(PENALTIES)}")

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """A fresh head on all features, trained with the penalty."""
        penalty = {PENALTIES[self.penalty]: self.strength}
        recipe = solvers.AdamRecipe(self.steps, self.lr, self.batch, **penalty)
        return ranking.head_on(examples, torch.arange(sum(examples.features.widths)), recipe)
