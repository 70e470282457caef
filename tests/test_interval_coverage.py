"""Whether 95 % of the 95 % intervals hold the truth, in simulated comparisons."""

from __future__ import annotations

import itertools

import pytest
from simulated import HIGH, MIDDLE, World, coverage, coverage_of_difference

AS_MEANT = pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("tasks", [1, 7])
@pytest.mark.parametrize("images", [150, 1000])
@pytest.mark.parametrize("accuracies", [MIDDLE, HIGH])
def test_one_seed(tasks: int, images: int, accuracies: tuple[float, float]) -> None:
    assert coverage(World(tasks, 1, images, accuracies), 1000) == AS_MEANT


@pytest.mark.parametrize(
    ("seeds", "spread", "own"), [(2, 0.001, 0.1), *itertools.product((3, 5), (0.001, 0.01), (0.2,))]
)
def test_several_seeds(seeds: int, spread: float, own: float) -> None:
    assert coverage(World(1, seeds, 1000, MIDDLE, spread, own), 1000) == AS_MEANT


def test_few_errors_and_several_seeds() -> None:
    assert coverage(World(1, 3, 1000, HIGH, 0.001, 0.1), 1000) == AS_MEANT


@pytest.mark.parametrize("tasks", [7, 19])
def test_several_tasks_and_seeds(tasks: int) -> None:
    assert coverage(World(tasks, 3, 500, MIDDLE, 0.01, 0.2), 400) == AS_MEANT


def test_a_difference_is_too_wide_for_the_images_that_both_methods_share() -> None:
    world = World(3, 3, 500, spread=0.005, own=0.2)
    assert coverage_of_difference(world, same=False, times=500) == AS_MEANT
    assert coverage_of_difference(world, same=True, times=500) > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("images", [150, 1000, 5000])
@pytest.mark.parametrize("accuracies", [MIDDLE, HIGH])
@pytest.mark.parametrize(("seeds", "own"), [*itertools.product((2, 3, 5), (0.1, 0.3))])
def test_what_accuracies_do_not_tell_makes_an_interval_rather_wide_than_narrow(
    images: int, accuracies: tuple[float, float], seeds: int, own: float
) -> None:
    for spread in (0.001, 0.01) if accuracies is MIDDLE else (0.0003, 0.003):
        assert 0.93 <= coverage(World(1, seeds, images, accuracies, spread, own), 2000) <= 0.99
