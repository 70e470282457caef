"""Intervals of means and of differences, against published examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics import Interval, Sample, difference, interval, weights
from bench.statistics.intervals import estimate
from tests.statistics.drawn import counts, drawn, sample_of

# Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3 (Wilson): right answers, images, ends
PROPORTIONS = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
# Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10: two proportions, ends of their difference
DIFFERENCES = [
    (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926), (0, 10, 0, 20, -0.1611, 0.2775), (10, 10, 0, 20, 0.6791, 1.0),
]  # fmt: skip


def of_one(sample: Sample) -> Interval:
    """The interval on a single task."""
    found = interval({"t": sample}, {"t": 1.0})
    assert found is not None
    return found


def between(first: Sample, second: Sample) -> Interval:
    """The interval of the difference on a single task."""
    found = difference({"t": first}, {"t": second}, {"t": 1.0})
    assert found is not None
    return found


def ends(found: Interval) -> tuple[float, float]:
    return found.low, found.high


def test_both_means_have_their_weights() -> None:
    assert weights([["x", "y", "z"]]) == dict.fromkeys("xyz", 1 / 3)
    assert weights([["x", "y"], ["z"]]) == {"x": 0.25, "y": 0.25, "z": 0.5}


def test_an_interval_says_what_it_covers() -> None:
    found = {
        (count, images): interval({"t": Sample((0.8, 0.81, 0.79)[:count], images)}, {"t": 1.0})
        for count in (1, 3)
        for images in (None, 1000)
    }
    assert found[1, None] is None
    covered = {key: made.covers for key, made in found.items() if made}
    assert covered == {(1, 1000): ("images",), (3, None): ("seeds",), (3, 1000): ("images", "seeds")}
    assert interval({}, {}) is None


@pytest.mark.parametrize(("right", "images", "low", "high"), PROPORTIONS)
def test_one_seed_on_one_task_has_the_published_interval(right: int, images: int, low: float, high: float) -> None:
    assert ends(of_one(Sample((right / images,), images))) == pytest.approx((low, high), abs=0.00005)
    assert ends(of_one(sample_of(np.arange(images)[None] < right))) == pytest.approx((low, high), abs=0.00005)


def test_few_tasks_of_few_images_are_as_sure_as_one_of_many() -> None:
    """The mean of four tasks alike, a quarter of the images each."""
    four = interval({name: Sample((0.8,), 250) for name in "tuvw"}, weights([list("tuvw")]))
    assert four is not None and ends(four) == pytest.approx(ends(of_one(Sample((0.8,), 1000))))


def test_seeds_alone_have_the_interval_of_students_t() -> None:
    """Mean 0.80, standard deviation 0.01, n = 3: 4.303 · 0.01 / √3 to either side (t at 2 degrees of freedom)."""
    found = of_one(Sample((0.79, 0.80, 0.81), None))
    half = 4.303 * 0.01 / math.sqrt(3)
    assert ends(found) == pytest.approx((0.80 - half, 0.80 + half), abs=0.00001)


def test_all_correct_does_not_mean_certain() -> None:
    made = of_one(Sample((1.0,), 300))
    assert 0.985 < made.low < 0.995 and made.high > 0.999


def test_equal_seeds_add_nothing_and_are_no_certainty() -> None:
    assert interval({"t": Sample((0.8, 0.8), None)}, {"t": 1.0}) is None
    both, single = (of_one(Sample(found, 1000)) for found in ((0.8, 0.8), (0.8,)))
    assert ends(both) == ends(single) and both.covers == ("images", "seeds")


def test_answers_of_one_seed_change_nothing() -> None:
    right = drawn(1, 500)
    assert ends(of_one(sample_of(right))) == pytest.approx(ends(of_one(Sample((float(right.mean()),), 500))))


def test_a_difference_covers_what_is_known_of_both() -> None:
    several, single = {"t": Sample((0.8, 0.81, 0.79), 1000)}, {"t": Sample((0.75,), 1000)}
    uncounted = {"t": Sample((0.75,), None)}
    found = difference(several, single, {"t": 1.0})
    assert found is not None and found.covers == ("images",)
    assert found.low < 0.05 < found.high
    assert difference(several, uncounted, {"t": 1.0}) is None


def test_what_seeds_disagree_on_is_counted_once() -> None:
    right = drawn(3, 1000)
    wide, made = of_one(Sample(sample_of(right).accuracies, 1000)), of_one(sample_of(right))
    assert made.covers == wide.covers
    assert made.high - made.low < wide.high - wide.low


def test_where_seeds_are_not_covered_their_own_luck_is_that_of_the_images() -> None:
    """With one seed on another task the interval is that of these very networks: nothing is counted twice."""
    several, single = sample_of(drawn(3, 1000)), sample_of(drawn(1, 1000, 1))
    made = estimate({"t": several, "u": single}, {"t": 0.5, "u": 0.5})
    assert made is not None and made.covers == ("images",) and several.rates is not None and single.rates is not None
    whole = (float(several.rates.var()) + float(single.rates.var())) / 4000
    assert made.images_down == pytest.approx(whole, rel=0.04) and several.residual_error / 4 > 0.06 * whole


@pytest.mark.parametrize(("right", "images", "others", "of", "low", "high"), DIFFERENCES)
def test_a_difference_of_independent_images_has_the_published_interval(
    right: int, images: int, others: int, of: int, low: float, high: float
) -> None:
    made = between(Sample((right / images,), images), Sample((others / of,), of))
    assert not made.paired and ends(made) == pytest.approx((low, high), abs=0.00005)


def test_a_difference_needs_the_same_sources_of_chance() -> None:
    assert difference({"t": Sample((0.8,), 1000)}, {"t": Sample((0.7,), None)}, {"t": 1.0}) is None


def test_a_paired_difference_has_the_published_interval() -> None:
    """Complete response of 161 patients before and after a therapy, by Bonett and Price's adjusted interval.

    Fagerland, Lydersen and Laake 2017, Statistical Analysis of Contingency Tables, chapter 8: −0.1195 to −0.0032.
    """
    before, after = counts(59, 6, 16, 80)
    made = between(sample_of(before), sample_of(after))
    assert made.paired and made.covers == ("images",)
    assert ends(made) == pytest.approx((-0.1195, -0.0032), abs=0.00005)
    assert ends(between(sample_of(after), sample_of(before))) == pytest.approx((0.0032, 0.1195), abs=0.00005)


def test_with_many_images_a_paired_difference_is_that_of_the_textbooks() -> None:
    """Approval of a prime minister in two surveys of the same 1,600 (Agresti, Categorical Data Analysis, 10.1.1)."""
    first, second = counts(794, 150, 86, 570)
    made = between(sample_of(first), sample_of(second))
    assert ends(made) == pytest.approx((0.0213, 0.0587), abs=0.0005)  # Wald's, 0.04 ± 1.96 · 0.0095


def test_pairing_narrows_a_difference() -> None:
    first, second = counts(794, 150, 86, 570)
    paired = between(sample_of(first), sample_of(second))
    apart = between(Sample((944 / 1600,), 1600), Sample((880 / 1600,), 1600))
    assert paired.high - paired.low < 0.6 * (apart.high - apart.low)


def test_total_agreement_is_not_certainty() -> None:
    right = sample_of(drawn(1, 300))
    half = 1.96 * math.sqrt(2) / 302  # the two added images alone
    assert ends(between(right, right)) == pytest.approx((-half, half), abs=0.00001)


def test_only_the_same_images_are_paired() -> None:
    first, second, bare = drawn(2, 400, 1), drawn(2, 400, 2), Sample((0.5, 0.6), 400)
    for other in (sample_of(second, "else"), sample_of(second[:, 1:]), bare):
        made = between(sample_of(first), other)
        assert not made.paired and made.covers == ("images", "seeds")
    both = {"t": sample_of(first), "u": bare}, {"t": sample_of(second), "u": bare}
    one, all_tasks = difference(*both, {"t": 1.0}), difference(*both, {"t": 0.5, "u": 0.5})
    assert one is not None and one.paired and all_tasks is not None and not all_tasks.paired
