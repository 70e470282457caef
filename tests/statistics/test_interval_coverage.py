"""Whether 95 % of the 95 % intervals contain the truth: by integration, and in simulated comparisons."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.statistics.intervals import Estimate, reach
from tests.simulated import HIGH, MIDDLE, World, coverage

AS_MEANT = pytest.approx(0.95, abs=0.02)


def held(share: float, degrees: int) -> float:
    """The share of intervals that contain the truth, where `share` of the true variance comes from the seeds.

    It is integrated over the variance that seeds with these degrees of freedom may show.
    """
    chances = (np.arange(2000) + 0.5) / 2000
    of_seeds = share * stats.chi2.ppf(chances, degrees) / degrees
    rest = 1 - share
    halves = [reach(Estimate(0.5, rest, rest, b, b**2 / (degrees + 2), ()), rest) for b in of_seeds]
    return float(np.mean(2 * stats.norm.cdf(halves) - 1))


@pytest.mark.parametrize(("degrees", "low", "high"), [(1, 0.929, 0.972), (2, 0.946, 0.966), (4, 0.949, 0.961)])
def test_the_quantile_holds_whatever_the_share_of_the_seeds(degrees: int, low: float, high: float) -> None:
    found = [held(share, degrees) for share in np.linspace(0.001, 0.999, 21)]
    assert low < min(found) and max(found) < high
    assert found[0] == pytest.approx(0.95, abs=0.003) and found[-1] == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("tasks", [1, 7])
@pytest.mark.parametrize("images", [150, 1000])
@pytest.mark.parametrize("accuracies", [MIDDLE, HIGH])
def test_one_seed(tasks: int, images: int, accuracies: tuple[float, float]) -> None:
    assert coverage(World(tasks, 1, images, accuracies).mean, 1000) == AS_MEANT


@pytest.mark.parametrize(("seeds", "own"), [*itertools.product((3, 5), (0.0, 0.1, 0.45))])
def test_several_seeds_that_disagree_by_chance(seeds: int, own: float) -> None:
    for spread in (0.001, 0.01):
        assert coverage(World(1, seeds, 1000, MIDDLE, spread, own).mean, 1500) == AS_MEANT


def test_few_errors_and_several_seeds() -> None:
    assert coverage(World(1, 3, 1000, HIGH, 0.001, 0.3).mean, 1500) == AS_MEANT


@pytest.mark.parametrize(("tasks", "seeds"), [(7, 2), (7, 3), (19, 3)])
def test_several_tasks_and_seeds(tasks: int, seeds: int) -> None:
    assert coverage(World(tasks, seeds, 500, MIDDLE, 0.01, 0.3).mean, 600) == AS_MEANT


@pytest.mark.parametrize(("gap", "common"), [*itertools.product((0.0, 0.05), (0.0, 0.5, 1.0))])
def test_a_difference_is_paired_image_by_image(gap: float, common: float) -> None:
    world = World(1, 3, 1000, spread=0.002, own=0.3, gap=gap, common=common)
    assert coverage(world.difference, 1000) == AS_MEANT
    if common == 0.5:
        assert coverage(replace(world, seeds=1).difference, 1000) == AS_MEANT


def test_methods_that_hardly_differ_are_not_told_apart_too_soon() -> None:
    """Where methods disagree on an image or two, no interval can contain the truth in just 95 % of the cases."""
    assert coverage(World(1, 1, 150, HIGH).difference, 1000) > 0.98


def test_without_answers_an_interval_is_too_wide() -> None:
    world = World(3, 3, 500, spread=0.005, own=0.2, told=False)
    assert coverage(replace(world, common=0.0).difference, 500) > 0.95
    assert coverage(world.difference, 500) > 0.98
    assert coverage(world.mean, 500) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("images", [150, 1000, 5000])
@pytest.mark.parametrize("accuracies", [MIDDLE, HIGH])
@pytest.mark.parametrize(("seeds", "own"), [*itertools.product((2, 3, 5), (0.1, 0.3))])
def test_the_corners(images: int, accuracies: tuple[float, float], seeds: int, own: float) -> None:
    """With two seeds, or hardly a wrong answer, an interval is too wide rather than too narrow."""
    for spread in (0.001, 0.01) if accuracies is MIDDLE else (0.0003, 0.003):
        world = World(1, seeds, images, accuracies, spread, own)
        assert 0.93 <= coverage(world.mean, 2000) <= (0.99 if images == 150 or seeds == 2 else 0.975)
        assert coverage(replace(world, told=False).mean, 1000) >= 0.93
