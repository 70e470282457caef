"""Closed-form heads: their scores against scikit-learn's on correlated features, some of them constant."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from bench.adapt import solvers
from bench.adapt.solvers import Examples, Head
from bench.backbone.features import Features
from bench.costs.meter import Meter
from methods.class_means import ClassMeans
from methods.lda import LDA
from methods.ridge import ALPHAS, Ridge

CPU = torch.device("cpu")
SHAPES = [(200, 30, 5), (120, 160, 7)]  # images, features, classes: more images than features, and fewer


def examples(images: int, width: int, classes: int) -> Examples:
    """Classes around means of their own, with correlated features of which the first is constant."""
    drawn = torch.Generator().manual_seed(images)
    labels = torch.randint(0, classes, (images,), generator=drawn)
    means = torch.randn(classes, width, generator=drawn)
    noise = torch.randn(images, width, generator=drawn) @ torch.randn(width, width, generator=drawn) / width**0.5
    features = 0.4 * means[labels] + noise
    features[:, 0] = 3.0
    return Examples(Features((features,)), labels, classes, images * 4 // 5, ["embedding"], Meter(CPU))


def scores(head: Head, features: torch.Tensor) -> np.ndarray:
    return head.scores(features).numpy()


def centred(found: np.ndarray) -> np.ndarray:
    """Scores without what is common to all classes."""
    return found - found.mean(1, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shrinkage", [None, 0.2])
def test_the_discriminant_is_scikit_learns(shape: tuple[int, int, int], shrinkage: float | None) -> None:
    known, new = examples(*shape), examples(shape[0] + 1, *shape[1:]).matrix
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto" if shrinkage is None else shrinkage)
    theirs.fit(known.matrix.double().numpy(), known.labels.numpy())
    expected = centred(theirs.decision_function(new.double().numpy()))
    assert np.allclose(centred(scores(LDA(shrinkage).solve(known), new)), expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_ridge_and_its_leave_one_out_are_scikit_learns(shape: tuple[int, int, int]) -> None:
    known, new = examples(*shape), examples(shape[0] + 1, *shape[1:]).matrix
    scaler = StandardScaler().fit(known.matrix.double().numpy())
    theirs = RidgeClassifierCV(alphas=ALPHAS).fit(scaler.transform(known.matrix.double().numpy()), known.labels.numpy())
    expected = theirs.decision_function(scaler.transform(new.double().numpy()))
    assert np.allclose(scores(Ridge().solve(known), new), expected, atol=1e-4)
    assert known.meter.curves["chosen/alpha"] == [(0, theirs.alpha_)]  # type: ignore[attr-defined]


def test_ridge_of_a_given_alpha_looks_at_nothing() -> None:
    known = examples(*SHAPES[0])
    Ridge(alpha=1.0).solve(known)
    assert not known.meter.curves  # type: ignore[attr-defined]


def test_class_means_score_by_cosine() -> None:
    known, new = examples(*SHAPES[0]), examples(201, *SHAPES[0][1:]).matrix
    unit, other = (some / some.norm(dim=1, keepdim=True) for some in (known.matrix, new))
    means = torch.stack([unit[known.labels == label].mean(0) for label in range(known.classes)])
    similar = torch.nn.functional.cosine_similarity(new[:, None], means[None], dim=2)
    assert np.allclose(scores(ClassMeans().solve(known), other), similar.numpy(), atol=1e-5)


@pytest.mark.parametrize("make", [ClassMeans, LDA, Ridge])
def test_a_class_without_images_is_never_answered(make: type) -> None:
    known = examples(*SHAPES[1])
    more = Examples(known.features, known.labels, known.classes + 2, known.learnt, known.taps, known.meter)
    answers = scores(make().solve(more), known.matrix).argmax(1)
    assert answers.max() < known.classes
    assert np.isfinite(scores(make().solve(more), known.matrix)).all()


def test_one_image_a_class_serves() -> None:
    known = examples(*SHAPES[0])
    single = torch.tensor([int((known.labels == label).nonzero()[0, 0]) for label in range(5)])
    few = Examples(known.features.of(single.tolist()), torch.arange(5), 5, 4, known.taps, known.meter)
    for head in (solvers.discriminant(few, 0.5), solvers.discriminant(few, None), solvers.least_squares(few, ALPHAS)):
        assert np.isfinite(scores(head, few.matrix)).all()
