"""Statistics against published worked examples, against SciPy, and by simulation."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.statistics import Sample, compare, difference, interval, spread, weights
from bench.statistics.intervals import estimate, image_error, own, variance
from bench.statistics.ranks import average_ranks, critical_difference, friedman, holm, studentized, wilcoxon
from tests.conftest import REPOSITORY

# Demšar 2006, tables 2 and 6: AUC of C4.5, and with tuned m, tuned cf, both, on 14 data sets. The last of `voting` is
# printed as 0.975 and ranked third.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.975, 0.9749], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip
# Demšar 2006, table 5a: critical values of Nemenyi's test at 0.05 for 2 to 10 methods
NEMENYI = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)


def table(values: np.ndarray) -> dict[str, dict[str, float]]:
    """{method: {task: accuracy}} of (tasks, methods), named a, b, … and t0, t1, …."""
    return {
        name: {f"t{at}": float(value) for at, value in enumerate(column)}
        for name, column in zip("abcdefghijkl", values.T, strict=False)
    }


def test_ranks_and_friedman_are_those_of_demsars_example() -> None:
    ranks = average_ranks(DEMSAR)
    assert ranks.round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    tasks, methods = DEMSAR.shape
    chi2 = 12 * tasks / (methods * (methods + 1)) * (float((ranks**2).sum()) - methods * (methods + 1) ** 2 / 4)
    assert chi2 == pytest.approx(9.28, abs=0.005)  # as the paper has it, without correction for ties
    assert (tasks - 1) * chi2 / (tasks * (methods - 1) - chi2) == pytest.approx(3.69, abs=0.005)
    tied = sum((count**3 - count) for row in DEMSAR for count in np.unique(row, return_counts=True)[1])
    corrected = chi2 / (1 - tied / (tasks * methods * (methods**2 - 1)))
    found = friedman(DEMSAR)
    assert found.chi2 == pytest.approx(corrected)
    assert found.chi2 == pytest.approx(stats.friedmanchisquare(*DEMSAR.T).statistic)
    assert found.p < 0.05


def test_iman_and_davenports_f_follows_its_formula_without_ties() -> None:
    untied = np.random.default_rng(0).normal(size=(14, 4))
    ranks = average_ranks(untied)
    chi2 = 12 * 14 / 20 * (float((ranks**2).sum()) - 25)
    f = 13 * chi2 / (14 * 3 - chi2)
    found = friedman(untied)
    assert (found.chi2, found.f) == pytest.approx((chi2, f))
    assert found.p == pytest.approx(stats.f.sf(f, 3, 39))


@pytest.mark.parametrize(("methods", "value"), [*enumerate(NEMENYI, start=2)])
def test_critical_values_are_demsars(methods: int, value: float) -> None:
    assert studentized(methods) == pytest.approx(value, abs=0.0015)


def test_the_critical_difference_is_that_of_demsars_example() -> None:
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    made = compare(table(DEMSAR))
    assert made.critical_difference == critical_difference(4, 14)
    assert made.methods == ("d", "b", "c", "a")
    assert made.groups() == [("d", "b", "c", "a")]  # 3.143 − 1.964 is under 1.25


def test_wilcoxon_is_that_of_demsars_example() -> None:
    """R+ = 93 and R− = 12, which is significant at 5 % (critical value 21)."""
    differences = (DEMSAR[:, 1] - DEMSAR[:, 0]).round(10)
    ranks = stats.rankdata(np.abs(differences))
    zeros = ranks[differences == 0].sum() / 2
    assert ranks[differences > 0].sum() + zeros == 93 and ranks[differences < 0].sum() + zeros == 12
    assert 0.005 < wilcoxon(differences) < 0.05


@pytest.mark.parametrize("tasks", [1, 2, 5, 7, 19, 24])
def test_wilcoxon_is_scipys_without_ties(tasks: int) -> None:
    for seed in range(5):
        differences = np.random.default_rng(seed).normal(0.3, 1, tasks)
        assert wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_wilcoxon_is_exact_with_ties_and_zeros() -> None:
    dice = np.random.default_rng(0)
    every = stats.PermutationMethod(n_resamples=np.inf)
    for _ in range(20):
        differences = dice.integers(-3, 5, 7).astype(float)
        expected = stats.wilcoxon(differences, zero_method="zsplit", method=every).pvalue
        assert wilcoxon(differences) == pytest.approx(min(1.0, expected))
    assert wilcoxon(np.zeros(5)) == 1.0
    assert wilcoxon(np.array([0.1 + 0.2 - 0.3, 0.0])) == 1.0  # noise of floating point is no difference


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_all_pairs_are_corrected_for_their_number() -> None:
    made = compare(table(DEMSAR))
    assert len(made.pairs) == 6
    smallest = min(made.pairs.values(), key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(6 * smallest.p)
    one = made.pair("a", "b")
    assert (one.wins, one.ties, one.losses) == (2, 2, 10)
    assert one == made.pair("b", "a").turned()
    assert one.mean == pytest.approx((DEMSAR[:, 0] - DEMSAR[:, 1]).mean())


def test_only_common_tasks_are_compared() -> None:
    scores = table(DEMSAR)
    del scores["a"]["t3"]
    made = compare(scores)
    assert "t3" not in made.tasks and len(made.tasks) == 13
    assert made.ranks["b"] == pytest.approx(average_ranks(np.delete(DEMSAR, 3, axis=0))[1])


def test_few_tasks_cannot_settle_anything() -> None:
    better = np.stack([np.linspace(0.5, 0.6, 7), np.linspace(0.4, 0.5, 7), np.linspace(0.3, 0.4, 7)], axis=1)
    assert compare(table(better)).can_settle  # 3 × 2 / 2^7 is 0.047
    assert compare(table(better)).differ("a", "c")
    assert not compare(table(better[:6])).can_settle
    assert compare(table(better[:2])).friedman is not None
    assert compare(table(better[:2])).friedman.p >= 1 / 6  # type: ignore[union-attr]  # all orders alike by chance


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (5, 1), (5, 2), (3, 0)])
def test_small_tables_have_no_test_and_no_trouble(shape: tuple[int, int]) -> None:
    made = compare(table(np.random.default_rng(0).uniform(size=shape)))
    assert made.friedman is None and made.critical_difference is None and made.groups() == []
    assert len(made.methods) == shape[1]


def test_equal_methods_share_their_rank() -> None:
    made = compare(table(np.full((5, 4), 0.7)))
    assert set(made.ranks.values()) == {2.5} and made.friedman is not None and made.friedman.p == 1.0
    assert not any(made.differ(*pair) for pair in made.pairs)


def test_seeds_are_told_by_mean_deviation_and_median() -> None:
    found = spread([0.8, 0.9, 0.82])
    assert (found.mean, found.median, found.count) == (pytest.approx(0.84), 0.82, 3)
    assert found.std == pytest.approx(np.std([0.8, 0.9, 0.82], ddof=1))
    assert spread([0.8]).std is None


def test_both_means_have_their_weights() -> None:
    assert weights([["x", "y", "z"]]) == dict.fromkeys("xyz", 1 / 3)
    assert weights([["x", "y"], ["z"]]) == {"x": 0.25, "y": 0.25, "z": 0.5}


def test_an_interval_says_what_it_covers() -> None:
    one = weights([["t"]])
    found = {
        (count, images): interval({"t": Sample((0.8, 0.81, 0.79)[:count], images)}, one)
        for count in (1, 3)
        for images in (None, 1000)
    }
    assert found[1, None] is None
    covered = {key: made.covers for key, made in found.items() if made}
    assert covered == {(1, 1000): ("images",), (3, None): ("seeds",), (3, 1000): ("images", "seeds")}
    assert interval({}, {}) is None


def test_test_images_give_the_interval_of_a_binomial() -> None:
    made = interval({"t": Sample((0.8,), 1000)}, weights([["t"]]))
    wanted = stats.binomtest(800, 1000).proportion_ci(method="wilson")
    assert made is not None
    assert (made.low, made.high) == pytest.approx((wanted.low, wanted.high), abs=0.001)
    drawn = np.random.default_rng(0).binomial(1000, 0.8, 10_000) / 1000  # images drawn with replacement
    assert (made.low, made.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.002)


def test_all_correct_does_not_mean_certain() -> None:
    made = interval({"t": Sample((1.0,), 300)}, weights([["t"]]))
    assert made is not None and 0.985 < made.low < 0.995 and made.high > 0.999


def test_equal_seeds_add_nothing_and_are_no_certainty() -> None:
    one = weights([["t"]])
    assert interval({"t": Sample((0.8, 0.8), None)}, one) is None
    both, single = (interval({"t": Sample(found, 1000)}, one) for found in ((0.8, 0.8), (0.8,)))
    assert both is not None and single is not None
    assert (both.low, both.high) == (single.low, single.high) and both.covers == ("images", "seeds")


def test_an_interval_is_the_same_each_time() -> None:
    samples = {"t": Sample((0.8, 0.9), 500)}
    assert interval(samples, {"t": 1.0}) == interval(samples, {"t": 1.0})


def test_a_difference_has_the_noise_of_both() -> None:
    first, second = {"t": Sample((0.8,), 1000)}, {"t": Sample((0.7,), 1000)}
    made = difference(first, second, {"t": 1.0})
    assert made is not None
    half = 1.96 * math.sqrt((0.8 * 0.2 + 0.7 * 0.3) / 1000)
    assert (made.low, made.high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.002)
    assert difference(first, {"t": Sample((0.7,), None)}, {"t": 1.0}) is None


def of_answers(right: np.ndarray, data: str = "") -> Sample:
    """What (seeds, images) answers make."""
    return Sample(tuple(right.mean(axis=1).tolist()), right.shape[1], right, data)


def drawn(seeds: int, images: int, seed: int = 0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    ease = dice.beta(4, 2, images)
    return dice.random((seeds, images)) < ease


def test_answers_give_the_variance_of_a_crossed_table() -> None:
    """(MS_images + MS_seeds − MS_residual) / (seeds · images), the mean squares from their definition."""
    right = drawn(4, 3000)
    seeds, images = right.shape
    of_seed, of_image, mean = right.mean(axis=1, keepdims=True), right.mean(axis=0, keepdims=True), right.mean()
    by_images = seeds * ((of_image - mean) ** 2).sum() / (images - 1)
    by_seeds = images * ((of_seed - mean) ** 2).sum() / (seeds - 1)
    residual = ((right - of_image - of_seed + mean) ** 2).sum() / ((images - 1) * (seeds - 1))
    sample = of_answers(right)
    assert own(sample) == pytest.approx(residual / (seeds * images))
    assert variance(sample) / seeds == pytest.approx(by_seeds / (seeds * images))
    whole = (by_images + by_seeds - residual) / (seeds * images)
    found = image_error(sample) + variance(sample) / seeds - own(sample)
    assert found == pytest.approx(whole, rel=1 / 1000)
    made = estimate({"t": sample}, {"t": 1.0})
    assert made is not None and made.below + made.seeds == pytest.approx(whole, rel=0.01)


def test_answers_of_one_seed_change_nothing() -> None:
    right = drawn(1, 500)
    with_answers, without = of_answers(right), Sample((float(right.mean()),), 500)
    one, other = (interval({"t": sample}, {"t": 1.0}) for sample in (with_answers, without))
    assert one is not None and other is not None
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_what_seeds_disagree_on_is_counted_once() -> None:
    right = drawn(3, 1000)
    wide = interval({"t": Sample(of_answers(right).accuracies, 1000)}, {"t": 1.0})
    made = interval({"t": of_answers(right)}, {"t": 1.0})
    assert wide is not None and made is not None and made.covers == wide.covers
    assert made.high - made.low < wide.high - wide.low


def test_where_seeds_are_not_covered_their_own_luck_is_that_of_the_images() -> None:
    """With one seed on another task the interval is that of these very networks: nothing is counted twice."""
    several, single = of_answers(drawn(3, 1000)), of_answers(drawn(1, 1000, 1))
    made = estimate({"t": several, "u": single}, {"t": 0.5, "u": 0.5})
    assert made is not None and made.covers == ("images",) and several.rates is not None and single.rates is not None
    whole = (float(several.rates.var()) + float(single.rates.var())) / 4000
    assert made.below == pytest.approx(whole, rel=0.04) and own(several) / 4 > 0.06 * whole


def counts(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two networks, by how many images both, one or none of them got right."""
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, first, second, neither], axis=0).astype(bool)
    return table[:, :1].T, table[:, 1:].T


def test_a_paired_difference_is_that_of_the_textbooks() -> None:
    """Approval of a prime minister in two surveys of the same 1,600 (Agresti, Categorical Data Analysis, 10.1.1)."""
    first, second = counts(794, 150, 86, 570)
    made = difference({"t": of_answers(first)}, {"t": of_answers(second)}, {"t": 1.0})
    assert made is not None and made.paired and made.covers == ("images",)
    assert (made.low, made.high) == pytest.approx((0.0213, 0.0587), abs=0.0005)  # Wald's, 0.04 ± 1.96 · 0.0095
    centre, error = 64 / 1602, math.sqrt((238 / 1602 - (64 / 1602) ** 2) / 1602)
    assert (made.low, made.high) == pytest.approx((centre - 1.96 * error, centre + 1.96 * error), abs=1e-5)
    turned = difference({"t": of_answers(second)}, {"t": of_answers(first)}, {"t": 1.0})
    assert turned is not None and (turned.low, turned.high) == pytest.approx((-made.high, -made.low))


def test_with_many_images_a_paired_difference_is_that_of_a_t_test() -> None:
    first, second = drawn(1, 20_000, 1), drawn(1, 20_000, 2)
    second = np.where(np.random.default_rng(3).random(second.shape) < 0.7, first, second)
    made = difference({"t": of_answers(first)}, {"t": of_answers(second)}, {"t": 1.0})
    wanted = stats.ttest_rel(first[0].astype(float), second[0].astype(float)).confidence_interval()
    assert made is not None and (made.low, made.high) == pytest.approx((wanted.low, wanted.high), abs=1e-4)


def test_total_agreement_is_not_certainty() -> None:
    right = drawn(1, 300)
    made = difference({"t": of_answers(right)}, {"t": of_answers(right)}, {"t": 1.0})
    assert made is not None
    assert (made.low, made.high) == pytest.approx((-1.96 * math.sqrt(2) / 302, 1.96 * math.sqrt(2) / 302), abs=1e-5)


def test_only_the_same_images_are_paired() -> None:
    first, second = drawn(2, 400, 1), drawn(2, 400, 2)
    bare = Sample((0.5, 0.6), 400)
    for other in (of_answers(second, "else"), of_answers(second[:, 1:]), bare):
        made = difference({"t": of_answers(first)}, {"t": other}, {"t": 1.0})
        assert made is not None and not made.paired and made.covers == ("images", "seeds")
    both = {"t": of_answers(first), "u": bare}, {"t": of_answers(second), "u": bare}
    one, all_tasks = difference(*both, {"t": 1.0}), difference(*both, {"t": 0.5, "u": 0.5})
    assert one is not None and one.paired and all_tasks is not None and not all_tasks.paired


def test_the_example_of_the_docs_runs() -> None:
    text = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    known: dict[str, Any] = {}
    exec(example, known)
    assert known["compare"](known["scores"]).ranks == {"head2toe": 1.5, "linear_probe": 1.5}
