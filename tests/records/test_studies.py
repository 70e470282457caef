"""Tuning replayed from records, against examples worked out by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.records.cells import CellResult, Cost, TrialFacts, TuningFacts
from bench.records.studies import curve, drawn, expected_best, incumbents, mean_curve, studies, suite_curve, value_at
from tests.conftest import REPOSITORY
from tests.synthetic import result, tuned


def trial(number: int, val: float | None, seconds: float | None, shared: float = 2.0, **changes: Any) -> CellResult:
    status = "skipped" if val is None else "done"
    made: dict[str, Any] = {
        "status": status,
        "accuracy": {} if val is None else {"val": val},
        "reason": None if val else "pruned",
    }
    cost = Cost(train_seconds=seconds, shared_seconds=shared, train_flops=100, shared_flops=40)
    made |= {"params": {"lr": number}, "trial": TrialFacts("s", number, default=number == 0)}
    return result(key=f"t{number}", stage="trial", cost=cost, **{**made, **changes})


def replay(number: int, test: float, study: str = "s") -> CellResult:
    facts = TrialFacts(study, number)
    return result(key=f"r{number}", stage="replay", accuracy={"test": test}, trial=facts, params={"lr": number})


def final(chosen: int, test: float) -> CellResult:
    tuning = TuningFacts("s", asked=4, trials=4, sampler="random", chosen=chosen)
    return result(key="f", accuracy={"test": test}, tuning=tuning)


FOUR = [trial(0, 0.5, 3.0), trial(1, None, 2.5), trial(2, 0.7, 4.0), trial(3, 0.7, 5.0)]


def test_the_incumbent_is_the_best_so_far_and_the_earlier_of_equal_ones() -> None:
    (study,) = studies(FOUR)
    assert [best.number if best else None for best in incumbents(study)] == [0, 0, 2, 2]
    (study,) = studies([trial(0, None, 1.0), trial(1, 0.1, 1.0)])
    assert [best.number if best else None for best in incumbents(study)] == [None, 1]


def test_the_curve_charges_the_shared_pass_once_and_pruned_trials_too() -> None:
    """2 shared; then 1, 0.5, 2 and 3 seconds: ends at 3, 3.5, 5.5 and 8.5. In FLOPs 40, then 60 a trial."""
    (study,) = studies([*FOUR, replay(0, 0.45), replay(2, 0.65)])
    assert curve(study, "seconds") == [(3.0, 0.45), (5.5, 0.65), (8.5, 0.65)]
    assert curve(study, "flops") == [(100.0, 0.45), (220.0, 0.65), (280.0, 0.65)]


def test_the_final_cell_stands_in_for_no_replay() -> None:
    """It was trained on the validation images too, so its accuracy would lift the end of a curve."""
    (study,) = studies([*FOUR, replay(0, 0.45), final(2, 0.6)])
    assert curve(study, "seconds") == [(3.0, 0.45), (5.5, None), (8.5, None)]
    assert (study.sampler, study.chosen, study.cut) == ("random", 2, False)


def test_trials_that_two_studies_share_are_replayed_once() -> None:
    (study,) = studies([*FOUR, replay(0, 0.45, "another"), replay(2, 0.65)])
    assert [one.test for one in study.trials] == [0.45, None, 0.65, None]


def test_a_cost_that_is_not_known_leaves_the_study_without_a_curve() -> None:
    (study,) = studies([*FOUR[:3], trial(3, 0.9, None), replay(0, 0.45), replay(2, 0.65)])
    assert curve(study, "seconds") == []
    assert len(curve(study, "flops")) == 3


def test_the_mean_of_curves_begins_where_all_have_begun() -> None:
    """Worked by hand: from 3 on both are known; the first rises at 5, the second at 3 and 4."""
    first, second = [(1.0, 0.2), (5.0, 0.6)], [(3.0, 0.4), (4.0, 0.8)]
    assert mean_curve([first, second]) == [
        (3.0, pytest.approx(0.3)), (4.0, pytest.approx(0.5)), (5.0, pytest.approx(0.7)),
    ]  # fmt: skip
    assert mean_curve([first, []]) == []
    assert mean_curve([first, [(3.0, None), (4.0, 0.8)]])[0] == (3.0, None)
    assert value_at(first, 0.5) is None


def test_a_suite_is_the_mean_over_its_tasks_of_the_mean_over_seeds() -> None:
    found = studies(tuned(1, 3, trials=8))
    steps = suite_curve(found, "seconds")
    ends = [curve(study, "seconds")[-1][1] for study in found]
    assert all(end is not None for end in ends)
    assert steps[-1][1] == pytest.approx(sum(end for end in ends if end is not None) / 3)


def test_the_expected_best_of_n_by_hand() -> None:
    """Of 1, 2 and 3: best of one has mean 2; of two 1·1/9 + 2·3/9 + 3·5/9 = 22/9; of many the largest."""
    assert expected_best([3.0, 1.0, 2.0], 1) == (pytest.approx(2), pytest.approx(2 / 3))
    mean, variance = expected_best([3.0, 1.0, 2.0], 2)
    assert mean == pytest.approx(22 / 9)
    assert variance == pytest.approx((1 + 4 * 3 + 9 * 5) / 9 - (22 / 9) ** 2)
    assert expected_best([3.0, 1.0, 2.0], 500)[0] == pytest.approx(3)
    assert expected_best([0.5, 0.5], 3) == (0.5, 0.0)


def test_the_default_is_no_draw_and_a_pruned_trial_is_no_better_than_the_worst() -> None:
    (study,) = studies([*FOUR, trial(4, 0.6, 1.0)])
    assert drawn(study) == [0.6, 0.7, 0.7, 0.6]
    (study,) = studies([trial(0, 0.5, 1.0), trial(1, None, 1.0)])
    assert drawn(study) == []


def test_records_without_a_sound_trial_are_passed_over() -> None:
    assert studies([result(), result(stage="trial")]) == []


def test_the_example_of_the_docs_runs_as_it_stands() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "report.md").read_text(), re.DOTALL)
    (example,) = (block for block in blocks if "expected_best" in block)
    found: dict[str, Any] = {}
    exec(example, found)
    told = re.findall(r"# ([0-9.]+)", example)
    assert [f"{round(found['mean'], 4)}"] == told
