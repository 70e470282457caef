"""The l2-penalised heads: the optimum against scikit-learn's, and heads among examples against those on features."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from bench.adapt.solvers.head import Head, zero
from bench.adapt.solvers.lasso import unit_norm
from bench.adapt.solvers.logistic import Kernel, principal_axes, ridge, row_norms, standardised
from bench.costs.meter import Meter
from tests.adapt.solvers.test_lasso import CPU, problem


def reference(features: torch.Tensor, labels: torch.Tensor, l2: float) -> Head:
    """The optimum as scikit-learn finds it; classes without examples are not in it."""
    found = LogisticRegression(C=1 / (l2 * len(labels)), tol=1e-8, max_iter=5000).fit(features, labels)
    return Head(torch.from_numpy(found.coef_).float().T, torch.from_numpy(found.intercept_).float())


def loss(head: Head, features: torch.Tensor, labels: torch.Tensor, l2: float) -> float:
    scores = features.double() @ head.weight.double() + head.bias.double()
    penalty = 0.5 * l2 * head.weight.double().square().sum()
    return float(torch.nn.functional.cross_entropy(scores, labels) + penalty)


@pytest.mark.parametrize("shape", [(200, 20, 4), (60, 150, 5)])
@pytest.mark.parametrize("l2", [0.3, 1e-3])
def test_newton_reaches_scikit_learns_optimum(shape: tuple[int, int, int], l2: float) -> None:
    features, labels = problem(*shape)
    features = (features - features.mean(0)) / features.std(0)
    ours = ridge(features, labels, zero(features, shape[2]), l2, Meter(CPU))
    theirs = reference(features, labels, l2)
    assert loss(ours, features, labels, l2) == pytest.approx(loss(theirs, features, labels, l2), rel=1e-4)


def test_a_warm_start_ends_where_a_cold_one_does_for_less() -> None:
    features, labels = problem(200, 20, 4)
    cold_meter, warm_meter = Meter(CPU), Meter(CPU)
    near = ridge(features, labels, zero(features, 4), 2e-3, Meter(CPU))
    cold = ridge(features, labels, zero(features, 4), 1e-3, cold_meter)
    warm = ridge(features, labels, near, 1e-3, warm_meter)
    assert torch.allclose(cold.weight, warm.weight, atol=5e-3)
    assert warm_meter.flops < cold_meter.flops


def test_a_class_without_examples_does_no_harm() -> None:
    features, labels = problem(200, 20, 3)
    head = ridge(features, labels, zero(features, 5), 1e-2, Meter(CPU))
    assert head.weight.isfinite().all()
    assert (features @ head.weight + head.bias).argmax(1).max() < 3


@pytest.mark.parametrize("width", [20, 150])
def test_principal_axes_are_orthonormal_and_lose_nothing(width: int) -> None:
    features, _ = problem(60, width, 3)
    features = features - features.mean(0)
    axes = principal_axes(features, Meter(CPU))
    assert torch.allclose(axes.T @ axes, torch.eye(axes.shape[1]), atol=1e-3)
    assert torch.allclose(features @ axes @ axes.T, features, atol=1e-2)
    gram = (features @ axes).T @ (features @ axes)
    assert (gram - gram.diag().diag()).abs().max() < 1e-4 * gram.abs().max()


@pytest.mark.parametrize("shape", [(200, 20, 4), (60, 150, 5)])
def test_a_standardised_head_is_one_on_the_features_as_they_are(shape: tuple[int, int, int]) -> None:
    features, labels = problem(*shape)
    head = standardised(features, labels, shape[2], 0.03, Meter(CPU))
    scaled = (features - features.mean(0)) / features.std(0)
    best = reference(scaled, labels, 0.03)
    ours, theirs = features @ head.weight + head.bias, scaled @ best.weight + best.bias
    assert torch.allclose(ours.softmax(1), theirs.softmax(1), atol=5e-3)


def test_a_constant_feature_does_a_standardised_head_no_harm() -> None:
    features, labels = problem(60, 30, 3)
    head = standardised(torch.cat([features, torch.ones(60, 1)], 1), labels, 3, 0.03, Meter(CPU))
    assert head.weight.isfinite().all()
    same = standardised(features, labels, 3, 0.03, Meter(CPU))
    assert torch.allclose(head.weight[:-1], same.weight, atol=1e-3)


@pytest.mark.parametrize("width", [40, 400])
def test_a_head_among_examples_is_the_head_on_all_features(width: int) -> None:
    features, labels = problem(90, width, 4)
    design = unit_norm([features[:, : width // 2], features[:, width // 2 :]], CPU)
    x = design.columns(torch.arange(width))
    gram = design.gram(Meter(CPU))
    assert torch.allclose(gram.float(), x @ x.T, atol=1e-4)
    kernel = Kernel(gram, 70, Meter(CPU))
    coordinates = kernel.solve(labels, kernel.zero(4), 1e-2)
    dual, bias = kernel.on_features(coordinates)
    weight = torch.cat([part.T for part in design.first(70).products(dual, Meter(CPU))])
    head = Head(weight, bias.float())
    others = x @ head.weight + head.bias  # the last 20 were not trained on
    assert torch.allclose(others, kernel.coordinates @ coordinates.weight + coordinates.bias, atol=1e-3)
    assert torch.allclose(others[70:], kernel.others(coordinates), atol=1e-3)
    l2 = 1e-2 * float(x[:70].double().var(0, unbiased=False).sum())
    best = reference(x[:70], labels[:70], l2)
    assert loss(head, x[:70], labels[:70], l2) == pytest.approx(loss(best, x[:70], labels[:70], l2), rel=1e-4)


def test_row_norms_are_those_of_ridge_regression_in_feature_space() -> None:
    features, labels = torch.randn(40, 90, generator=torch.Generator().manual_seed(3)), torch.arange(40) % 3
    x = (features - features.mean(0)).double()
    y = torch.nn.functional.one_hot(labels, 3).double()
    strength = 0.01 * x.square().sum()
    expected = torch.linalg.solve(x.T @ x + strength * torch.eye(90), x.T @ (y - y.mean(0))).norm(dim=1)
    norms = row_norms(features, labels, 3, 0.01, Meter(CPU))
    assert torch.allclose(norms.double(), expected, rtol=1e-3)
