"""Wilcoxon's signed-rank test, Holm's correction, and wins and losses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bench.statistics import compare
from bench.statistics.pairs import holm, wilcoxon
from tests.statistics.published import DEMSAR, scores

# The textbooks' table of Wilcoxon's test, two-sided at 5 %: by number of tasks, the largest significant rank sum
CRITICAL = {6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 11: 10, 12: 13, 13: 17, 14: 21, 15: 25, 19: 46, 20: 52, 25: 89}


def with_rank_sum(tasks: int, total: int) -> np.ndarray:
    """Differences 1, 2, … of which those that are negative sum to `total`, so the smaller rank sum is `total`."""
    differences = np.arange(1.0, tasks + 1)
    for at in range(tasks, 0, -1):
        if at <= total:
            differences[at - 1] *= -1
            total -= at
    return differences


@pytest.mark.parametrize(("tasks", "critical"), CRITICAL.items())
def test_wilcoxon_is_significant_up_to_the_tabled_rank_sum(tasks: int, critical: int) -> None:
    assert wilcoxon(with_rank_sum(tasks, critical)) <= 0.05 < wilcoxon(with_rank_sum(tasks, critical + 1))


def test_wilcoxon_is_that_of_demsars_example() -> None:
    """R+ = 93 and R− = 12 with two ties split between both: significant at 5 %, for 12 is under 21."""
    assert 0.005 < wilcoxon(DEMSAR[:, 1] - DEMSAR[:, 0]) < 0.05


def test_wilcoxon_counts_the_sign_patterns_that_are_as_extreme() -> None:
    assert wilcoxon(np.array([2.0, 2.0, 2.0])) == 2 / 8  # all or no signs positive
    assert wilcoxon(np.array([3.0, 1.0, 1.0, -1.0])) == 8 / 16  # rank sums 0, 2, 8 and 10 of ranks 4, 2, 2 and 2
    assert wilcoxon(np.array([3.0, 0.0, 2.0, 1.0])) == 2 / 8  # a zero has a rank and no sign


def share_of_patterns(differences: np.ndarray) -> float:
    """The share of all sign patterns whose positive and negative rank sums differ at least as much, one by one."""
    size = np.abs(differences)
    ranks = np.array([(size < one).sum() + ((size == one).sum() + 1) / 2 for one in size]) * (size > 0)
    every = np.array(list(product((-1, 1), repeat=len(ranks)))) @ ranks
    return float(np.mean(np.abs(every) >= abs(np.sign(differences) @ ranks)))


def test_wilcoxon_is_exact_with_ties_and_zeros() -> None:
    dice = np.random.default_rng(0)
    for _ in range(20):
        differences = dice.integers(-3, 5, 7).astype(float)
        assert wilcoxon(differences) == pytest.approx(share_of_patterns(differences))


def test_without_a_difference_there_is_no_evidence() -> None:
    assert wilcoxon(np.zeros(5)) == 1.0
    assert wilcoxon(np.array([0.1 + 0.2 - 0.3, 0.0])) == 1.0  # noise of floating point is no difference


def test_the_direction_and_the_scale_of_differences_do_not_matter() -> None:
    differences = np.random.default_rng(3).normal(0.5, 1, 12)
    assert wilcoxon(-differences) == wilcoxon(differences) == wilcoxon(differences / 8)


def test_holm_steps_down() -> None:
    """Wikipedia's example of the Holm-Bonferroni method, and its limits."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_all_pairs_are_corrected_for_their_number() -> None:
    made = compare(scores(DEMSAR))
    assert len(made.pairs) == 6
    smallest = min(made.pairs.values(), key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(6 * smallest.p)
    assert all(pair.p_holm >= pair.p for pair in made.pairs.values())


def test_a_pair_is_seen_from_either_side() -> None:
    made = compare(scores(DEMSAR))
    one, other = made.pair("a", "b"), made.pair("b", "a")
    assert (one.wins, one.ties, one.losses) == (2, 2, 10)
    assert (other.wins, other.ties, other.losses) == (10, 2, 2)
    assert one.mean == -other.mean == pytest.approx(-0.0155)
    assert one.p == other.p and one.swapped() == other


def test_what_is_printed_alike_is_a_tie() -> None:
    made = compare({"a": {"t": 0.8004, "u": 0.8006}, "b": {"t": 0.8, "u": 0.8}})
    pair = made.pair("a", "b")
    assert (pair.wins, pair.ties, pair.losses) == (1, 1, 0)
