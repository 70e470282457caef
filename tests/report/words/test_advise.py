"""Advice: what the records support within limits, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.costs.budget import UNLIMITED, Amount
from bench.records.cells import CellResult, Cost, TrialFacts, TuningFacts
from bench.records.store import Store
from bench.report.words.advise import advise
from bench.spec import UserError
from tests.command_line import bench
from tests.synthetic import result

TASKS = ["demo/one", "demo/two"]


def final(method: str, task: str, accuracy: float, seconds: float, stored: int, **cost: Any) -> CellResult:
    made = Cost(train_flops=int(1e9 * seconds), train_seconds=seconds, stored_bytes=stored, stored_params=1, **cost)
    return result(method, task, accuracy={"test": accuracy}, cost=made)


def records() -> list[CellResult]:
    """cheap: 62 and 70 % in 1 s and 1 kB; dear: 80 and 90 % in 10 and 30 s and 1 MB; small: 65 % in 5 s, 500 kB."""
    figures = {
        "cheap": ((0.62, 1, 1000), (0.70, 1, 1000)),
        "dear": ((0.80, 10, 900_000), (0.90, 30, 10**6)),
        "small": ((0.65, 5, 500_000), (0.65, 5, 500_000)),
    }
    return [final(method, task, *of) for method, both in figures.items() for task, of in zip(TASKS, both, strict=True)]


def text(results: list[CellResult], limit: Amount = UNLIMITED, storage: float = math.inf) -> str:
    console = Console(width=300)
    with console.capture() as shown:
        for advice in advise(results, TASKS, limit, storage):
            console.print(advice)
    return shown.get()


@pytest.mark.parametrize(
    ("limit", "storage", "best"),
    [
        (UNLIMITED, math.inf, "dear"),  # 85 % on average
        (Amount(20, math.inf), math.inf, "dear"),  # 20 s is its mean
        (Amount(19.9, math.inf), math.inf, "cheap"),  # 66 %, small has 65 %
        (UNLIMITED, 10**6, "dear"),
        (UNLIMITED, 999_999, "cheap"),  # its larger delta counts
        (Amount(math.inf, 4.9e9), math.inf, "cheap"),
    ],
)
def test_the_best_within_the_limits(limit: Amount, storage: float, best: str) -> None:
    (advice,) = advise(records(), TASKS, limit, storage)
    assert advice.offers[0].method == best
    assert {offer.method for offer in advice.offers} | set(advice.refused) == {"cheap", "dear", "small"}


def test_what_has_no_place_in_the_backbone_changes_no_advice() -> None:
    left_out = [result("vqt", task, status="skipped", reason="no tokens", accuracy={}, cost=Cost()) for task in TASKS]
    with_it, without = (advise(found, TASKS, UNLIMITED, math.inf)[0] for found in (left_out + records(), records()))
    assert (with_it.offers, with_it.refused) == (without.offers, without.refused)


def test_limits_that_nothing_keeps_to() -> None:
    assert "not enough records" in text(records(), storage=10)
    assert "stores 1 MB" in text(records(), storage=10)


def test_hyper_parameters_are_told() -> None:
    assert "Hyper-parameters: lr=0.01, steps=500." in text(records())
    other = [replace(one, params={"lr": 0.5, "steps": 500}) if one.task == "demo/two" else one for one in records()]
    shown = text(other)
    assert "differ by task in lr" in shown
    assert "two: lr=0.5" in shown


def test_tuning_counts_and_could_have_stopped_early() -> None:
    found = []
    for task in TASKS:
        tuning = TuningFacts(f"s {task}", trials=3, chosen=2, sampler="tpe")
        whole = final("dear", task, 0.9, 10, 1000, tune_flops=0, tune_seconds=30.0)
        found.append(replace(whole, tuning=tuning))
        found.append(final("cheap", task, 0.5, 1, 1000))
        tried = [("s", number, *of) for number, of in enumerate([(0.4, 0.45), (0.6, 0.70), (0.8, 0.60)])]
        for study, number, val, test in [*tried, ("another", 0, 0.9, 0.1)]:  # that no final cell comes from
            about = TrialFacts(f"{study} {task}", number, default=number == 0)
            cost = Cost(train_flops=0, shared_flops=0, train_seconds=10.0, shared_seconds=0.0)
            lr = {"lr": float(number)}
            trial = result("dear", task, stage="trial", accuracy={"val": val}, cost=cost, params=lr, trial=about)
            found.append(replace(trial, key=f"{study} {task} {number}"))
            found.append(replace(trial, key=f"{study} {task} r{number}", stage="replay", accuracy={"test": test}))
    (all_of_it,) = advise(found, TASKS, Amount(40, math.inf), math.inf)
    assert (all_of_it.offers[0].method, all_of_it.offers[0].accuracy) == ("dear", 0.9)
    (some,) = advise(found, TASKS, Amount(35, math.inf), math.inf)  # 10 s for training leave 25 s, two trials
    assert (some.offers[0].method, some.offers[0].how) == ("dear", "tuning stopped early")
    assert some.offers[0].accuracy == pytest.approx(0.70)
    assert some.offers[0].params["demo/one"] == {"lr": 1.0}
    (none,) = advise(found, TASKS, Amount(19, math.inf), math.inf)  # not even the first trial
    assert [offer.method for offer in none.offers] == ["cheap"]
    assert none.refused == {"dear": "takes 40 s"}


def test_a_tuned_method_that_kept_its_defaults_could_have_gone_without_tuning() -> None:
    def tuned(task: str, chosen: int) -> CellResult:
        whole = final("dear", task, 0.9, 10, 1000, tune_flops=0, tune_seconds=30.0)
        return replace(whole, tuning=TuningFacts(task, chosen=chosen))

    others = [final("cheap", task, 0.5, 1, 1000) for task in TASKS]
    (kept,) = advise([*others, *(tuned(task, 0) for task in TASKS)], TASKS, Amount(12, math.inf), math.inf)
    assert (kept.offers[0].method, kept.offers[0].how) == ("dear", "its defaults, which tuning kept")
    assert kept.offers[0].cost == Amount(10, 1e10)
    (found,) = advise([*others, tuned(TASKS[0], 0), tuned(TASKS[1], 2)], TASKS, Amount(12, math.inf), math.inf)
    assert found.refused == {"dear": "takes 40 s"}


def test_too_few_records_say_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not enough records"):
        advise([one for one in records() if one.method == "cheap"], TASKS, UNLIMITED, math.inf)
    assert "not enough records" in bench("advise", "--results", tmp_path / "none", code=2).stderr
    store = Store(tmp_path)
    for one in records():
        store.append(one)
    assert "use dear" in " ".join(bench("advise", "--results", tmp_path, "--budget", "1m").stdout.split())
    assert "use cheap" in bench("advise", "--results", tmp_path, "--storage-limit", "10kB").stdout
    assert "no positive size" in bench("advise", "--results", tmp_path, "--storage-limit", "-1", code=2).stderr
    assert "not enough records" in bench("advise", "--results", tmp_path, "--tasks", "vtab1k", code=2).stderr
