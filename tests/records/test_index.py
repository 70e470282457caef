"""The index: which record counts for a key and for a trial, and what all of them spent."""

from __future__ import annotations

from dataclasses import replace

from bench.costs.budget import Amount
from bench.records.cells import CellResult, Cost, TrialFacts
from bench.records.index import Index
from tests.synthetic import result


def trial(number: int, study: str = "s", **changes: object) -> CellResult:
    made = result(key=f"{study} {number}", stage="trial", trial=TrialFacts(study, number))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_newest_counts_and_a_done_one_is_never_displaced() -> None:
    failed, done = result(status="failed", reason="x"), result(started="2026-02-02")
    later, skipped = replace(failed, reason="y"), replace(failed, status="skipped")
    assert Index([failed, later]).latest == {failed.key: later}
    assert Index([failed, done, later, skipped]).latest == {failed.key: done}
    again = replace(done, started="2026-03-03")
    assert Index([done, failed, again]).latest == {done.key: again}
    assert Index([failed, done, later]).results == [failed, done, later]


def test_trials_are_found_by_their_study_and_number() -> None:
    cut, over = trial(0, status="failed", reason="the budget"), trial(0, trial=TrialFacts("s", 0, over=True))
    others = [trial(1), trial(0, "another"), replace(trial(0), stage="replay"), result(), result(stage="trial")]
    index = Index([cut, over, *others])
    assert index.trials("s") == {0: over, 1: others[0]}
    assert index.trials("another") == {0: others[1]}
    assert index.trials("none") == {}


def test_everything_is_charged() -> None:
    spent = [Cost(spent_seconds=0.1, spent_flops=3)] * 10
    results = [result(status=status, cost=cost) for status in ("done", "failed") for cost in spent]
    assert Index(results).spent() == Amount(2.0, 60)
    assert Index().spent() == Amount()
