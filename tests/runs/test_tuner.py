"""Tuning: trials are recorded cells on training images alone, the same for the same seed, and the best is handed on."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.costs.budget import UNLIMITED, Amount
from bench.records.cells import Cell, CellResult, Tuning, TuningFacts
from bench.records.store import Store
from bench.runs.plan import split_done
from bench.runs.runner import run
from bench.runs.trial import parts
from bench.spec import Data, Split
from tests import toy

TEN = Tuning(10, "tpe", 0)


def go(folder: Path, clock: toy.Clock, asked: list[Cell], limit: Amount = UNLIMITED) -> list[CellResult]:
    """One run over a folder; the lines that it added."""
    session = toy.session(folder, clock, limit)
    todo, _ = split_done(asked, session.store.latest(), force=False)
    return run(todo, session)


def of(stage: str, lines: list[CellResult]) -> list[CellResult]:
    return [line for line in lines if line.stage == stage]


def number(line: CellResult) -> int:
    """Of the trial that a line is about."""
    assert line.trial is not None
    return line.trial.number


def search(line: CellResult) -> TuningFacts:
    """How the hyper-parameters of a final line were chosen."""
    assert line.tuning is not None
    return line.tuning


def facts(lines: list[CellResult]) -> list[tuple[Any, ...]]:
    """What must be alike in two runs of one seed, by trial."""
    found = [(line.stage, line.trial and line.trial.number, line.status, dict(line.params),
              dict(line.accuracy)) for line in lines if "killed" not in str(line.reason)]  # fmt: skip
    return sorted(found, key=str)


def test_the_best_trial_is_trained_and_judged(tmp_path: Path) -> None:
    clock = toy.Clock()
    lines = go(tmp_path, clock, toy.cells({"m": toy.method(clock)}, 1, TEN))
    trials, (final,) = of("trial", lines), of("final", lines)
    assert [number(trial) for trial in trials] == list(range(10))
    assert trials[0].params == {"skill": 0.5}
    finished = [trial for trial in trials if trial.status == "done"]
    best = max(finished, key=lambda trial: trial.accuracy["val"])
    assert all(set(trial.accuracy) == {"val"} for trial in finished)
    assert final.params == best.params
    assert final.accuracy["val"] == best.accuracy["val"] >= trials[0].accuracy["val"]
    assert search(final).chosen == number(best)
    assert search(final).trials == 10
    assert not search(final).cut
    own = [trial.cost for trial in trials]
    assert final.cost.tune_flops == sum((cost.train_flops or 0) - (cost.shared_flops or 0) for cost in own)
    assert final.cost.tune_seconds == pytest.approx(sum(cost.train_seconds or 0 for cost in own), abs=0.01)


def test_who_led_the_search_is_judged_last(tmp_path: Path) -> None:
    clock = toy.Clock()
    lines = go(tmp_path, clock, toy.cells({"m": toy.method(clock)}, 1, TEN))
    leaders, best = [], -1.0
    for trial in of("trial", lines):
        if trial.status == "done" and trial.accuracy["val"] > best:
            best = trial.accuracy["val"]
            leaders.append(number(trial))
    replays = of("replay", lines)
    assert [number(line) for line in replays] == leaders
    assert lines.index(of("final", lines)[0]) < lines.index(replays[0])
    assert all(set(line.accuracy) == {"test"} for line in replays)
    assert not list((tmp_path / "deltas" / "trials").iterdir())


def test_no_trial_sees_a_test_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = toy.Clock(), []
    decode = toy.Pictures.decode
    monkeypatch.setattr(toy.Pictures, "decode", lambda self, index: seen.append(len(self)) or decode(self, index))
    monkeypatch.setattr("bench.runs.scoring.evaluate", lambda *_: pytest.fail("judged before tuning was over"))
    with pytest.raises(pytest.fail.Exception):
        go(tmp_path, clock, toy.cells({"m": toy.method(clock)}, 1, TEN))
    assert set(seen) == {20}
    assert len(of("trial", Store(tmp_path).results())) == 10


def test_the_same_seed_gives_the_same_trials_and_choice(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        clock = toy.Clock()
        runs.append(facts(go(tmp_path / name, clock, toy.cells({"m": toy.method(clock)}, 2, TEN))))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("step", [1, 8, 13, 20])
def test_a_kill_in_the_middle_changes_nothing(step: int, tmp_path: Path) -> None:
    clock = toy.Clock()
    whole = facts(go(tmp_path / "whole", clock, toy.cells({"m": toy.method(clock)}, 1, TEN)))
    clock, steps = toy.Clock(), count(1)
    asked = toy.cells({"m": toy.method(clock)}, 1, TEN)

    def watch() -> None:
        if next(steps) == step:
            shutil.copytree(tmp_path / "killed", tmp_path / "left")
            raise KeyboardInterrupt

    clock.watch = watch
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "killed", clock, asked)
    # Owners are told apart by their folder: what a kill leaves is found where it was left.
    shutil.rmtree(tmp_path / "killed")
    (tmp_path / "left").rename(tmp_path / "killed")
    go(tmp_path / "killed", clock, asked)
    assert facts(Store(tmp_path / "killed").results()) == whole


def test_more_trials_go_on_from_fewer(tmp_path: Path) -> None:
    clock = toy.Clock()
    go(tmp_path, clock, toy.cells({"m": toy.method(clock)}, 1, replace(TEN, trials=4)))
    lines = go(tmp_path, clock, toy.cells({"m": toy.method(clock)}, 1, TEN))
    assert [number(line) for line in of("trial", lines)] == [4, 5, 6, 7, 8, 9]


def test_seeds_share_what_was_found(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m": toy.method(clock)}, 1, TEN)
    lines = go(tmp_path, clock, [asked[0], replace(asked[0], key="another", seed=1)])
    assert len(of("trial", lines)) == 10
    first, second = of("final", lines)
    assert first.params == second.params
    assert first.cost.tune_flops == second.cost.tune_flops


def test_trials_that_fall_behind_are_given_up(tmp_path: Path) -> None:
    clock = toy.Clock()
    lines = go(tmp_path, clock, toy.cells({"m": toy.method(clock, steps=10)}, 1, replace(TEN, trials=15)))
    pruned = [line for line in of("trial", lines) if line.status == "skipped"]
    assert pruned
    assert all("given up after" in str(line.reason) and line.accuracy == {} for line in pruned)
    assert all(line.cost.spent_seconds < 10 for line in pruned)
    assert all(line.cost.spent_seconds > 0 for line in pruned)
    done = [line for line in of("trial", lines) if line.status == "done"]
    assert len(done[0].curves["val"]) == 10
    assert len(done[0].curves["loss"]) == 10


def test_a_method_whose_trials_all_fail_says_why(tmp_path: Path) -> None:
    clock = toy.Clock()
    broken, sound = toy.method(clock, fails=True), toy.method(clock)
    lines = go(tmp_path, clock, toy.cells({"broken": broken, "sound": sound}, 1, replace(TEN, trials=3)))
    final = {line.method: line for line in of("final", lines)}
    assert final["broken"].status == "failed"
    assert "all 3 trials of broken failed: it fails for everybody" in str(final["broken"].reason)
    assert final["sound"].status == "done"
    assert [line.status for line in of("trial", lines) if line.method == "broken"] == ["failed"] * 3


class NotNumbers(toy.Known):
    """Scores that are no numbers."""

    def logits(self, images: Tensor) -> Tensor:
        return torch.full((len(images), toy.CLASSES), math.nan)


@pytest.mark.parametrize("path", [False, True])
def test_a_trial_that_diverges_is_recorded_and_the_search_goes_on(path: bool, tmp_path: Path) -> None:
    clock = toy.Clock()
    make = toy.along_a_path(clock) if path else toy.method(clock, steps=1)

    @dataclass(frozen=True)
    class Wild(make):  # type: ignore[misc,valid-type]
        """Diverges in half of its space."""

        def fit(self, backbone: Any, train: Split, meter: Any) -> Any:
            fitted = super().fit(backbone, train, meter)
            meter.point("gap", 1, math.nan if self.skill > 0.5 else 0.0)
            return fitted if self.skill <= 0.5 else NotNumbers(self.skill)

    lines = go(tmp_path, clock, toy.cells({"wild": Wild}, 1, TEN))
    diverged = [line for line in of("trial", lines) if line.status == "failed"]
    assert diverged
    assert all("diverged" in str(line.reason) and line.params["skill"] > 0.5 for line in diverged)
    assert [line.status for line in of("trial", lines) if line.params["skill"] <= 0.5].count("done") >= 2
    (final,) = of("final", lines)
    assert final.status == "done"
    assert final.params["skill"] <= 0.5


def test_tuning_that_the_budget_ends_goes_on_later(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m": toy.method(clock)}, 1, TEN)
    go(tmp_path, clock, asked, Amount(15, math.inf))
    (final,) = of("final", Store(tmp_path).results())
    assert final.status == "done"
    assert search(final).cut
    before = search(final).trials
    assert 1 <= before < 10
    assert Store(tmp_path).index().spent().seconds <= 15
    go(tmp_path, clock, asked)
    last = of("final", Store(tmp_path).results())[-1]
    assert search(last).trials == 10
    assert not search(last).cut
    assert go(tmp_path, clock, asked) == []


def test_a_search_that_goes_on_to_the_same_choice_is_not_trained_again(tmp_path: Path) -> None:
    clock = toy.Clock()
    make = toy.method(clock)

    @dataclass(frozen=True)
    class Best(make):  # type: ignore[misc,valid-type]
        """Its default cannot be surpassed."""

        skill: float = 1.0

    asked = toy.cells({"m": Best}, 1, TEN)
    go(tmp_path, clock, asked, Amount(15, math.inf))
    (first,) = of("final", Store(tmp_path).results())
    assert search(first).cut
    before = clock.now
    lines = go(tmp_path, clock, asked)
    (last,) = of("final", lines)
    assert clock.now - before == pytest.approx(sum(line.cost.spent_seconds for line in of("trial", lines)))
    assert search(last).trials == 10
    assert not search(last).cut
    assert (last.accuracy, last.correct, last.params) == (first.accuracy, first.correct, first.params)
    assert last.cost.train_seconds == first.cost.train_seconds
    assert (last.cost.tune_seconds or 0) > (first.cost.tune_seconds or 0)
    assert last.cost.spent_seconds == pytest.approx(0, abs=1e-3)
    assert last.cost.energy_joules == toy.JOULES  # those of its own charge alone, as `first` has had its own
    assert go(tmp_path, clock, asked) == []


def test_automatic_tuning_takes_what_the_share_allows(tmp_path: Path) -> None:
    clock = toy.Clock()
    auto = Tuning(None, "random", 0)
    asked = toy.cells({"cheap": toy.method(clock, 1, 0.5), "dear": toy.method(clock, 3, 2.0)}, 2, auto)
    go(tmp_path, clock, asked, Amount(100, math.inf))
    lines = Store(tmp_path).results()
    assert {(line.task, line.method) for line in of("final", lines)} == {
        (task, method) for task in ("toy/0", "toy/1") for method in ("cheap", "dear")
    }
    spent: dict[tuple[str, str], float] = {}
    for line in of("trial", lines):
        spent[line.task, line.method] = spent.get((line.task, line.method), 0.0) + line.cost.spent_seconds
    assert all(seconds > 10 for seconds in spent.values())
    assert 70 < Store(tmp_path).index().spent().seconds <= 100


def test_no_trial_is_begun_that_would_leave_too_little_for_the_final_cells(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"grows": toy.growing(clock), "m": toy.method(clock)}, 1, replace(TEN, sampler="random"))
    go(tmp_path, clock, asked, Amount(60, math.inf))
    lines = Store(tmp_path).results()
    final = {line.method: line for line in of("final", lines)}
    assert {name: line.status for name, line in final.items()} == {"grows": "done", "m": "done"}
    assert search(final["grows"]).cut
    assert all(line.status != "failed" for line in of("trial", lines)), "a trial was begun that could not be finished"
    go(tmp_path, clock, asked, Amount(1000, math.inf))
    last = [line for line in of("final", Store(tmp_path).results()) if line.method == "grows"][-1]
    assert search(last).trials == 10
    assert last.params["epochs"] > final["grows"].params["epochs"]


@pytest.mark.parametrize(("limit", "tried"), [(6.0, 1), (10.0, 6)])
def test_trials_along_a_path_are_charged_when_the_budget_ends_them(
    limit: float, tried: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.runs.tuner.TOGETHER", 5)
    clock = toy.Clock()
    asked = toy.cells({"m": toy.along_a_path(clock)}, 1, replace(TEN, trials=12))
    session = toy.session(tmp_path, clock, Amount(limit, math.inf))
    lines = run(asked, session)
    assert Store(tmp_path).index().spent().seconds == pytest.approx(session.budget.spent.seconds)
    assert session.budget.spent.seconds <= limit
    (final,) = of("final", lines)
    assert final.status == "done"
    assert search(final).trials == tried


def test_an_interruption_changes_no_trial_along_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are drawn and fitted together, before they are told of; the next know of them."""
    monkeypatch.setattr("bench.runs.tuner.TOGETHER", 15)
    asked = replace(TEN, trials=26)
    clock = toy.Clock()
    whole = facts(of("trial", go(tmp_path / "whole", clock, toy.cells({"m": toy.along_a_path(clock)}, 1, asked))))
    assert len(whole) == 26
    clock = toy.Clock()
    cells = toy.cells({"m": toy.along_a_path(clock)}, 1, asked)
    go(tmp_path / "cut", clock, cells, Amount(24, math.inf))
    assert len([line for line in of("trial", Store(tmp_path / "cut").results()) if line.status == "done"]) == 16
    go(tmp_path / "cut", clock, cells)
    pieces = [line for line in of("trial", Store(tmp_path / "cut").results()) if line.status == "done"]
    assert facts(pieces) == whole


@pytest.mark.parametrize("folds", [1, 2, 5])
def test_parts_never_overlap_and_cover_what_they_should(folds: int) -> None:
    data: Data = toy.task("toy/0").find(Path()).load()
    found = parts(data.train, folds)
    assert len(found) == folds
    held = []
    for part in found:
        fitted, judged = part.train.images.indices, part.held_out.images.indices  # type: ignore[attr-defined]
        assert set(fitted).isdisjoint(judged)
        assert len(fitted) + len(judged) == 20
        assert np.array_equal(part.train.labels, data.train.labels[fitted])
        assert 0 < part.train.validation < len(fitted) / 2
        held += judged
    assert sorted(held) == (list(range(16, 20)) if folds == 1 else list(range(20)))


def test_an_oracle_chooses_by_the_shifted_test_sets_and_is_named_so(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m": toy.method(clock)}, 1, replace(TEN, oracle=True))
    data = asked[0].found.load()
    (failed,) = go(tmp_path / "none", clock, asked)
    assert "has no shifted test set" in str(failed.reason)
    # Under this shift every right answer is wrong: an oracle takes the least skill.
    labels = (data.train.labels + 1) % toy.CLASSES
    shifted = Split(data.train.images, labels, toy.CLASSES)
    found = replace(asked[0].found, load=lambda: replace(data, tests={**data.tests, "ood/wrong": shifted}))
    lines = go(tmp_path / "some", clock, [replace(asked[0], found=found)])
    trials, (final,) = of("trial", lines), of("final", lines)
    assert final.method == "m (oracle)"
    assert final.params["skill"] == min(trial.params["skill"] for trial in trials if trial.status == "done")
