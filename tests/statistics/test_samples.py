"""Spread over seeds, and the variances of seeds × images."""

from __future__ import annotations

import numpy as np
import pytest

from bench.statistics import Sample, spread
from tests.statistics.drawn import drawn, sample_of


def test_seeds_are_told_by_mean_deviation_and_median() -> None:
    found = spread([0.2, 0.4, 0.4, 0.4, 0.5, 0.5, 0.7, 0.9])
    assert (found.mean, found.median, found.count) == (pytest.approx(0.5), 0.45, 8)
    assert found.std == pytest.approx(0.2138, abs=0.00005)  # with n − 1
    assert spread([0.8]).std is None


def test_one_seed_has_the_error_of_a_proportion() -> None:
    """p (1 − p) / n: 0.8 · 0.2 / 1,600 is 0.01²."""
    for sample in (Sample((0.8,), 1600), sample_of(np.arange(1600)[None] < 1280)):
        assert sample.image_error == pytest.approx(0.0001)
        assert sample.seed_variance == 0.0 and sample.residual_error == 0.0


def test_seeds_that_agree_on_every_image_are_no_better_than_one() -> None:
    right = drawn(1, 500)
    one, three = sample_of(right), sample_of(np.repeat(right, 3, axis=0))
    assert three.image_error == pytest.approx(one.image_error)
    assert three.seed_variance == 0.0 and three.residual_error == 0.0


def test_seeds_that_disagree_on_images_make_their_mean_surer() -> None:
    """Two networks, each right about another half of the images: each image has a rate of one half, without error."""
    sample = sample_of(np.array([[True, False] * 50, [False, True] * 50]))
    assert sample.mean == 0.5 and sample.image_error == 0.0 and sample.seed_variance == 0.0
    assert sample.rates is not None and set(sample.rates) == {0.5}


def test_the_variances_are_those_of_a_crossed_table() -> None:
    """(MS_images + MS_seeds − MS_residual) / (seeds · images), with the mean squares from their definitions."""
    right = drawn(4, 3000)
    seeds, images = right.shape
    of_seed, of_image, mean = right.mean(axis=1, keepdims=True), right.mean(axis=0, keepdims=True), right.mean()
    by_images = seeds * ((of_image - mean) ** 2).sum() / (images - 1)
    by_seeds = images * ((of_seed - mean) ** 2).sum() / (seeds - 1)
    residual = ((right - of_image - of_seed + mean) ** 2).sum() / ((images - 1) * (seeds - 1))
    sample = sample_of(right)
    assert sample.residual_error == pytest.approx(residual / (seeds * images))
    assert sample.seed_variance / seeds == pytest.approx(by_seeds / (seeds * images))
    whole = (by_images + by_seeds - residual) / (seeds * images)
    found = sample.image_error + sample.seed_variance / seeds - sample.residual_error
    assert found == pytest.approx(whole, rel=1 / 1000)


def test_images_are_compared_only_with_themselves() -> None:
    first, second = drawn(2, 400, 1), drawn(2, 400, 2)
    gaps = sample_of(first).image_differences(sample_of(second))
    assert gaps is not None and gaps.shape == (400,)
    assert gaps.mean() == pytest.approx(first.mean() - second.mean())
    for other in (sample_of(second, "other images"), sample_of(second[:, 1:]), Sample((0.5, 0.6), 400)):
        assert sample_of(first).image_differences(other) is None
