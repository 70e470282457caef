"""Storage limits, the verdict and its reasons: no claim that the figures do not support."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.records.cells import CellResult, Cost, DataFacts
from bench.report.words.limits import Advice
from tests.report.handmade import advised, cell, long, short
from tests.synthetic import comparison, costs, counted, tuned


def test_the_step_of_a_limit_is_the_most_accurate_that_fits_on_every_task() -> None:
    """b keeps 20 kB on one task, so it does not fit 10 kB though its mean would not tell."""
    sizes = {"a": (1000, 1000), "b": (20_000, 2000), "c": (2_000_000, 3_000_000)}
    accuracy = {"a": (0.5, 0.6), "b": (0.7, 0.8), "c": (0.75, 0.85)}
    steps = advised(counted([cell(m, t, accuracy[m][at], sizes[m][at]) for m in sizes for at, t in enumerate("xy")]))
    assert [(step.limit, step.method, step.stored) for step in steps] == [
        (1e4, "a", 1000), (1e5, "b", 20_000), (1e6, "b", 20_000), (1e7, "c", 3_000_000),
    ]  # fmt: skip
    assert [step.sure for step in steps] == ["no rival", *3 * ["likely on these tasks"]]
    assert "2 tasks are too few for a test between 3 methods" in steps[1].why


def test_how_sure_follows_the_statistics() -> None:
    def two(gap: float, tasks: int, **changes: Any) -> str:
        found = [cell(m, f"t{at}", 0.7 + gap * (m == "b"), 500, **changes) for m in "ab" for at in range(tasks)]
        return advised(found)[0].sure

    tested = {"data": DataFacts(test_counts={"test": 2000})}
    assert two(0.1, 2) == "not known"  # one seed, and no count of test images
    assert two(0.1, 2, **tested) == "likely on these tasks"  # one seed, and two tasks settle nothing of others
    assert two(0.1, 8, **tested) == "sure"
    assert two(0.001, 8, **tested) == "open"  # within the interval


def test_what_the_intervals_leave_out_is_told() -> None:
    def last(seeds: int, images: int) -> Advice:
        found = [
            replace(cell(m, t, 0.6 + 0.2 * (m == "b") + 0.01 * seed, 500), seed=seed)
            for m in "ab"
            for t in "xy"
            for seed in range(seeds)
        ]
        return advised(counted(found, images))[-1]

    images, seeds, both = last(1, 2000), last(3, 0), last(3, 2000)
    assert "leave out the choice of seeds." in images.why and images.sure == "likely on these tasks"
    assert "leave out the choice of test images." in seeds.why and seeds.sure == "likely on these tasks"
    assert "leave out" not in both.why and both.sure == "sure on these tasks"


def test_a_missing_size_keeps_a_method_out_of_the_limits() -> None:
    known, unknown = cell("a", "x", 0.5, 100), cell("b", "x", 0.9, 100)
    steps = advised([known, replace(unknown, cost=Cost(10))])
    assert [step.method for step in steps] == ["a"]
    assert steps[0].why == "No other method fits. How much b would store is not known."


def bargain(first: float = 0.776) -> list[CellResult]:
    """head2toe: 10 of 1,400 FLOPs is 1/140, and a tenth of the bytes."""
    cheap, dear = cell("head2toe", "x", first, 5000), cell("fine_tune", "x", 0.8, 50_000)
    return [replace(cheap, cost=costs(10, 1, 5000, 1.0)), replace(dear, cost=costs(1400, 1, 50_000, 1.0))]


def two_methods(gap: float, tasks: int) -> list[CellResult]:
    """b is more accurate than a, by `gap` on each task."""
    return counted([cell(m, f"t{at}", 0.7 + gap * (m == "b"), 9) for m in "ab" for at in range(tasks)], 2000)


def test_the_verdict_is_three_short_sentences() -> None:
    """0.776 of 0.8 is 97 %."""
    assert short(bargain()) == [
        "fine_tune has the highest mean accuracy over the 1 task, 80.0 %; how much of its lead is chance is not known.",
        "head2toe reaches 97 % of fine_tune's accuracy at 1/140 of its training FLOPs and 1/10 of its stored bytes.",
        "fine_tune also keeps within 1 MB a task.",
    ]
    for results in (comparison(12, 19, 3), counted(comparison(30, 24, 2)), tuned(5, 7)):
        assert 1 <= len(short(results)) <= 3 and all(len(sentence) < 200 for sentence in short(results))


@pytest.mark.parametrize(
    ("gap", "tasks", "tail"),
    [
        (0.1, 8, "its lead is significant, so other tasks like these should agree."),
        (0.1, 3, "its lead is likely on these tasks and open on others."),
        (0.001, 3, "a may be as good."),
    ],
)
def test_the_verdict_claims_no_more_than_the_statistics(gap: float, tasks: int, tail: str) -> None:
    assert short(two_methods(gap, tasks))[0].endswith(f" %; {tail}")


def test_the_verdict_says_what_fits_into_a_megabyte() -> None:
    found = [cell("small", "x", 0.7, 10**6), cell("large", "x", 0.8, 10**6 + 1)]
    assert short(found)[-1] == "Within 1 MB a task, use small: 70.0 %; how sure: no rival."
    assert short([replace(one, cost=costs(1, 1, 10**7, 1.0)) for one in found])[-1] == (
        "No method keeps within 1 MB a task; the smallest is large."
    )


def test_the_reasons_hold_the_figures_and_the_doubt() -> None:
    sentences = long(bargain())
    assert "fine_tune has the highest mean accuracy over the 1 task, 80.0 %" in sentences[0]
    assert "cannot be told from these seeds" in sentences[0]
    assert "head2toe reaches 97 % of fine_tune's accuracy (−2.4 points) at 1/140 of its training FLOPs" in sentences[1]
    assert "1/10 of its stored bytes" in sentences[1]
    assert "Within 1 MB a task, fine_tune is the most accurate" in sentences[2]


def test_the_reasons_claim_significance_only_where_it_is() -> None:
    clear, few, level = (long(two_methods(gap, tasks))[0] for gap, tasks in ((0.1, 8), (0.1, 3), (0.001, 3)))
    assert clear.endswith("It differs significantly over the 8 tasks, so other tasks like these should agree.")
    assert "significantly" not in " ".join(long(two_methods(0.1, 3))) and "3 tasks are too few" in few
    assert "On these tasks a may be as good" in level
    assert "On these tasks it is ahead of a by +" in few and "(95 % interval over test images). Other tasks are" in few


def test_another_leader_by_the_mean_of_the_groups_is_named() -> None:
    found = [cell("a", "x", 0.9, 9), cell("a", "y", 0.9, 9), cell("b", "x", 0.8, 9), cell("b", "y", 0.8, 9)]
    others = [replace(cell(m, "z", at, 9), group="structured") for m, at in (("a", 0.5), ("b", 0.65))]
    sentences = long([*found, *others])
    assert "a has the highest mean accuracy over the 3 tasks, 76.7 %" in sentences[0]
    assert sentences[1] == "By the mean of the group means b leads, 72.5 %."
    assert "76.7 % (by the group means: b, 72.5 %);" in short([*found, *others])[0]
    assert not any("group means" in sentence for sentence in [*long(found), *short(found)])
    sure = long(counted([*found, *others], 2000))[1]
    assert sure.startswith("By the mean of the group means b leads, 72.5 % (b minus a: 95 % interval +")


def test_a_verdict_needs_two_methods_and_a_common_task() -> None:
    alone, apart = [cell("a", "x", 0.5, 9)], [cell("a", "x", 0.5, 9), cell("b", "y", 0.5, 9)]
    assert short(alone) == ["Only a has results, so there is nothing to compare it with."]
    assert "No task was finished by all" in short(apart)[0]
    assert long(alone) == long(apart) == []
