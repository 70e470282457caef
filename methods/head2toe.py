"""Head2Toe: a linear head on the features of all layers that a group lasso selects (Evci et al., ICML 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import ranking, solvers, torch
from bench.registry import method


@method("head2toe", family="heads")
@dataclass(frozen=True)
class Head2Toe(ProbeMethod):
    """Selects features of every layer by the rows of a group-lasso head, then trains a fresh head on them.

    Each layer's activations are pooled to about `target` numbers and scaled to unit norm an example. A head on all of
    them is trained with the penalty λ Σᵢ ||Wᵢ||₂, where λ is `group_lasso`. The `fraction` of features with the largest
    row norms is kept, over all layers together; of equal norms the earlier layer's. They are scaled to unit norm a
    layer again, and a fresh head on them is trained without penalty. `ranking` and `offset` are the paper's ablations,
    which bench.adapt.ranking explains.
    """

    # From what the official code sweeps (google-research/head2toe @ 6277f63). The paper's largest values, a target of
    # 8192 or 40000 and 5,000 steps, can be set but are not searched: 12 times the features, and 10 times the steps.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048)),
        "fraction": FloatDistribution(0.0005, 0.2, log=True),
        "group_lasso": CategoricalDistribution((0.0, 1e-5, 1e-4)),
        "lr": FloatDistribution(0.003, 0.1, log=True),
        "steps": CategoricalDistribution((200, 500)),
    }
    folds: ClassVar[int] = 5

    target: int = 512
    fraction: float = 0.2
    group_lasso: float = 1e-5
    lr: float = 0.01
    steps: int = 500
    batch: int = 128
    ranking: str = "group_lasso"
    offset: float = 0.0

    @property
    def recipe(self) -> solvers.AdamRecipe:
        """How both heads are trained; the last one without its penalty."""
        return solvers.AdamRecipe(self.steps, self.lr, self.batch, self.group_lasso)

    def select(self, examples: solvers.Examples) -> torch.Tensor:
        """The features that are kept, sorted, int64 (kept,)."""
        return ranking.choose(examples, ranking.Choice(self.ranking, self.fraction, self.offset), self.recipe)

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """A fresh head on the features that are kept."""
        return ranking.head_on(examples, self.select(examples), replace(self.recipe, group_lasso=0.0))
