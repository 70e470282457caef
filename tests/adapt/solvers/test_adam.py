"""Linear heads: what the recipe's penalties do, what it costs, and how it shuffles."""

from __future__ import annotations

import torch

from bench.adapt.solvers.adam import AdamRecipe, adam, shuffled
from bench.costs.meter import Meter

CPU = torch.device("cpu")


def problem(count: int = 200, width: int = 20, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (count,), generator=generator)
    centres = torch.randn(classes, width, generator=generator)
    return centres[labels] + 1.5 * torch.randn(count, width, generator=generator), labels


def test_adam_counts_what_its_products_cost() -> None:
    features, labels = problem()
    meter = Meter(CPU)
    adam(features, labels, 4, AdamRecipe(steps=10, lr=0.01, batch=32, group_lasso=1e-4), meter)
    assert meter.flops == 10 * 4 * 32 * 20 * 4  # forward, and the gradient of the weights


def test_group_lasso_drains_features_that_say_nothing() -> None:
    features, labels = problem(width=10)
    noise = torch.randn(len(labels), 10, generator=torch.Generator().manual_seed(1))

    def worth(group_lasso: float) -> float:
        torch.manual_seed(0)
        recipe = AdamRecipe(steps=500, lr=0.01, batch=128, group_lasso=group_lasso)
        norms = adam(torch.cat([noise, features], 1), labels, 4, recipe, Meter(CPU)).weight.norm(dim=1)
        return float(norms[10:].mean() / norms[:10].mean())

    assert worth(0.02) > 2 * worth(0.0)
    assert worth(0.05) > 2 * worth(0.02)


def test_batches_walk_through_shuffled_epochs() -> None:
    torch.manual_seed(0)
    rows = torch.cat(shuffled(10, 4, 5, CPU))
    assert rows.bincount().tolist() == [2] * 10
    assert [len(batch) for batch in shuffled(3, 128, 4, CPU)] == [3] * 4
