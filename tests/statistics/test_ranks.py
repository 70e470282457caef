"""Average ranks, Friedman's test and Nemenyi's, against published examples."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bench.statistics import compare
from bench.statistics.ranks import average_ranks, critical_difference, friedman, studentized
from tests.conftest import REPOSITORY
from tests.statistics.published import DEMSAR, scores

# Demšar 2006, table 5a: critical values of Nemenyi's test at 0.05 for 2 to 10 methods
NEMENYI = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
# Conover 1999, Practical Nonparametric Statistics, section 5.8: ranks that 12 homeowners gave four kinds of grass
GRASS = np.array([
    [4, 3, 2, 1], [4, 2, 3, 1], [3, 1.5, 1.5, 4], [3, 1, 2, 4], [4, 2, 1, 3], [2, 2, 2, 4], [1, 3, 2, 4],
    [2, 4, 1, 3], [3.5, 1, 2, 3.5], [4, 1, 3, 2], [4, 2, 3, 1], [3.5, 1, 2, 3.5],
])  # fmt: skip
# Hollander and Wolfe 1973, p. 140: seconds in which 22 baseball players rounded first base in three ways
ROUNDING = np.array([
    [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40], [5.90, 5.85, 5.70],
    [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35], [5.25, 5.15, 5.00], [5.85, 5.80, 5.70],
    [5.25, 5.20, 5.10], [5.65, 5.55, 5.45], [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40],
    [5.45, 5.55, 5.50], [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
    [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
])  # fmt: skip


def test_average_ranks_are_those_of_demsars_table_6() -> None:
    assert average_ranks(DEMSAR).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]


def test_friedmans_test_finds_what_demsar_finds() -> None:
    """The paper has chi² = 9.28 and F = 3.69 without correction for ties, and rejects at 5 %. Ties only add to it."""
    found = friedman(DEMSAR)
    assert found.chi2 > 9.28 and found.f > 3.69
    assert found.chi2_p < 0.05 and found.p < 0.05


def test_friedmans_test_is_conovers() -> None:
    found = friedman(-GRASS)
    assert (found.chi2, found.f) == pytest.approx((8.097, 3.192), abs=0.0005)
    assert (found.chi2_p, found.p) == pytest.approx((0.0440, 0.0362), abs=0.00005)


def test_friedmans_test_is_that_of_hollander_and_wolfe() -> None:
    found = friedman(ROUNDING)
    assert found.chi2 == pytest.approx(11.143, abs=0.0005)
    assert found.chi2_p == pytest.approx(0.003805, abs=0.0000005)


def test_only_the_order_within_a_task_matters() -> None:
    squeezed = DEMSAR / 10 + np.arange(14)[:, None] / 20
    assert average_ranks(squeezed).tolist() == average_ranks(DEMSAR).tolist()
    assert friedman(squeezed) == friedman(DEMSAR)


@pytest.mark.parametrize(("methods", "value"), [*enumerate(NEMENYI, start=2)])
def test_critical_values_are_demsars(methods: int, value: float) -> None:
    assert studentized(methods) == pytest.approx(value, abs=0.0015)


def test_the_critical_difference_is_that_of_demsars_example() -> None:
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    made = compare(scores(DEMSAR))
    assert made.critical_difference == critical_difference(4, 14)
    assert made.methods == ("d", "b", "c", "a")
    assert made.groups() == [("d", "b", "c", "a")]  # 3.143 − 1.964 is under 1.25


def test_groups_are_as_large_as_possible_and_may_overlap() -> None:
    """Twelve tasks that agree on four methods: ranks 1, 2, 3 and 4, and a critical difference between 1 and 2."""
    made = compare(scores(np.array([[0.4, 0.3, 0.2, 0.1]] * 12)))
    assert made.critical_difference == pytest.approx(1.354, abs=0.0005)  # 2.569 √(4 · 5 / 72)
    assert made.groups() == [("a", "b"), ("b", "c"), ("c", "d")]


def test_only_common_tasks_are_compared() -> None:
    lacking = scores(DEMSAR)
    del lacking["a"]["t3"]
    made = compare(lacking)
    assert "t3" not in made.tasks and len(made.tasks) == 13
    assert made.ranks == compare(scores(np.delete(DEMSAR, 3, axis=0))).ranks


def test_few_tasks_cannot_settle_anything() -> None:
    better = np.stack([np.linspace(0.5, 0.6, 7), np.linspace(0.4, 0.5, 7), np.linspace(0.3, 0.4, 7)], axis=1)
    assert compare(scores(better)).can_settle  # 3 × 2 / 2^7 is 0.047
    assert compare(scores(better)).differ("a", "c")
    assert not compare(scores(better[:6])).can_settle


def test_two_tasks_that_agree_are_no_evidence() -> None:
    """Iman and Davenport's F is infinite here, but three methods come in the same order twice in one of six cases."""
    found = friedman(np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.4]]))
    assert found.f == np.inf and found.p == pytest.approx(1 / 6)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (5, 1), (5, 2), (3, 0)])
def test_small_tables_have_no_test_and_no_trouble(shape: tuple[int, int]) -> None:
    made = compare(scores(np.random.default_rng(0).uniform(size=shape)))
    assert made.friedman is None and made.critical_difference is None and made.groups() == []
    assert len(made.methods) == shape[1]


def test_equal_methods_share_their_rank() -> None:
    made = compare(scores(np.full((5, 4), 0.7)))
    assert set(made.ranks.values()) == {2.5} and made.friedman is not None and made.friedman.p == 1.0
    assert not any(made.differ(*pair) for pair in made.pairs)


def test_the_example_of_the_docs_runs() -> None:
    text = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    known: dict[str, Any] = {}
    exec(example, known)
    assert known["compare"](known["scores"]).ranks == {"head2toe": 1.5, "linear_probe": 1.5}
