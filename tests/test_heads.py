"""Linear heads: the probe's optimum against scikit-learn's, and the recipe's shuffling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from bench.heads import AdamRecipe, Head, adam, logistic, shuffled
from bench.meter import Meter

CPU = torch.device("cpu")


def problem(count: int = 200, width: int = 20, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (count,), generator=generator)
    centres = torch.randn(classes, width, generator=generator)
    return centres[labels] + 1.5 * torch.randn(count, width, generator=generator), labels


def zero(width: int, classes: int) -> Head:
    return Head(torch.zeros(width, classes), torch.zeros(classes))


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_logistic_reaches_scikit_learns_optimum(l2: float) -> None:
    features, labels = problem()
    head = logistic(features, labels, zero(20, 4), l2, Meter(CPU))
    reference = LogisticRegression(C=1 / (l2 * len(labels)), tol=1e-8, max_iter=5000).fit(features, labels)
    ours = (features @ head.weight + head.bias).softmax(1).numpy()
    assert np.abs(ours - reference.predict_proba(features)).max() < 2e-3


def test_a_warm_start_ends_where_a_cold_one_does_for_less() -> None:
    features, labels = problem()
    cold_meter, warm_meter = Meter(CPU), Meter(CPU)
    near = logistic(features, labels, zero(20, 4), 2e-3, Meter(CPU))
    cold = logistic(features, labels, zero(20, 4), 1e-3, cold_meter)
    warm = logistic(features, labels, near, 1e-3, warm_meter)
    assert torch.allclose(cold.weight, warm.weight, atol=5e-3)
    assert warm_meter.flops < cold_meter.flops


def test_a_class_without_examples_does_no_harm() -> None:
    features, labels = problem(classes=3)
    head = logistic(features, labels, zero(20, 5), 1e-2, Meter(CPU))
    assert head.weight.isfinite().all()
    assert (features @ head.weight + head.bias).argmax(1).max() < 3


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
    rows = torch.cat(shuffled(10, 4, 5))
    assert rows.bincount().tolist() == [2] * 10
    assert [len(batch) for batch in shuffled(3, 128, 4)] == [3] * 4
