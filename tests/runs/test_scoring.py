"""The one pass over the test images: what happens where memory runs out, the budget ends, or one cell fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from bench.costs.budget import UNLIMITED, Amount
from bench.records import predictions
from bench.records.cells import CellResult, Tuning
from bench.records.fitted import FittedCells
from bench.records.store import Store
from bench.runs import scoring
from bench.runs.runner import run
from bench.spec import UserError
from tests import toy

SKILLS = [0.1, 0.3, 0.5, 0.7, 0.9]


def methods(clock: toy.Clock) -> dict[str, Any]:
    """Methods of different skill."""

    def skilled(skill: float) -> Any:
        return lambda: toy.method(clock)(skill)

    return {f"m{number}": skilled(skill) for number, skill in enumerate(SKILLS)}


def go(folder: Path, clock: toy.Clock, made: dict[str, Any], limit: Amount = UNLIMITED) -> list[CellResult]:
    """One run of these methods over a folder."""
    session = toy.session(folder, clock, limit)
    run(toy.cells(made), session)
    assert session.store.spent().seconds == pytest.approx(session.budget.spent.seconds)
    assert session.store.spent().flops == session.budget.spent.flops
    return session.results


def test_a_group_that_does_not_fit_is_split_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    whole = go(tmp_path / "whole", toy.Clock(), methods(toy.Clock()))
    groups, real = [], scoring.evaluate

    def cramped(backbone: Any, adapted: Sequence[Any], *more: Any) -> Any:
        groups.append(len(adapted))
        if len(adapted) > 2:
            raise torch.OutOfMemoryError
        return real(backbone, adapted, *more)

    monkeypatch.setattr(scoring, "evaluate", cramped)
    split = go(tmp_path / "split", toy.Clock(), methods(toy.Clock()))
    assert groups == [5, 2, 2, 1]
    assert [(one.method, one.status, one.accuracy) for one in split] == [
        (one.method, one.status, one.accuracy) for one in whole
    ]


def test_a_cell_that_cannot_be_evaluated_leaves_the_others_alone(tmp_path: Path) -> None:
    clock = toy.Clock()

    @dataclass(frozen=True)
    class Lost(toy.method(clock)):  # type: ignore[misc]
        def restore(self, *_: Any) -> Any:
            raise UserError("its delta does not fit")

    results = go(tmp_path, clock, methods(clock) | {"lost": Lost})
    assert {one.method: one.reason for one in results} == dict.fromkeys(methods(clock)) | {
        "lost": "its delta does not fit"
    }
    assert not (tmp_path / "fitted").exists()


def test_what_the_budget_keeps_from_its_evaluation_is_evaluated_later(tmp_path: Path) -> None:
    clock = toy.Clock()
    made = {"m": toy.method(clock, steps=2, seconds=2.5)}
    (cut,) = go(tmp_path, clock, made, Amount(3.0, math.inf))
    assert (cut.status, cut.cost.train_flops) == ("failed", None)
    assert "the budget of 3 s ran out" in str(cut.reason)
    (waiting,) = FittedCells(tmp_path / "fitted")
    assert waiting.record.cost.spent_seconds == 5.0
    (done,) = go(tmp_path, clock, made, Amount(6.0, math.inf))
    assert clock.now == 5.0  # it was not fitted again
    assert (done.status, done.cost.spent_seconds, done.key) == ("done", 5.0, waiting.record.key)
    assert done.accuracy == {"test": 0.5} and done.curves == waiting.record.curves != {}
    assert not (tmp_path / "fitted").exists()


def test_trials_that_led_their_study_are_evaluated_in_one_more_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    clock, decoded, decode = toy.Clock(), [], toy.Pictures.decode

    def counted(pictures: toy.Pictures, index: int) -> Any:
        decoded.append(len(pictures))
        return decode(pictures, index)

    monkeypatch.setattr(toy.Pictures, "decode", counted)
    run(toy.cells(methods(clock), 1, Tuning(6, "random", 0)), toy.session(tmp_path, clock, UNLIMITED))
    replays = [one for one in Store(tmp_path).results() if one.stage == "replay"]
    assert len(replays) > len(SKILLS)  # several of some study
    assert decoded.count(12) == 2 * 12  # test images: for the final cells, and for all replays


@dataclass(frozen=True)
class Heard:
    """An observer that hears of fits too."""

    told: ClassVar[list[str]] = []

    def __call__(self, result: CellResult) -> None:
        self.told.append(f"{result.method} {result.status}")

    def fitted(self, record: CellResult) -> None:
        """Notes the fit."""
        self.told.append(f"{record.method} fitted")


def test_all_cells_are_fitted_before_the_first_is_evaluated(tmp_path: Path) -> None:
    clock = toy.Clock()
    session = toy.session(tmp_path, clock, UNLIMITED)
    session.observers = [Heard()]
    run(toy.cells({"m0": toy.method(clock), "m1": toy.method(clock)}), session)
    assert Heard.told == ["m0 fitted", "m1 fitted", "m0 done", "m1 done"]


def test_what_final_cells_predicted_lies_beside_their_records(tmp_path: Path) -> None:
    done = go(tmp_path, toy.Clock(), methods(toy.Clock()))
    for one in done:
        (judged,) = predictions.read(tmp_path, one).values()
        assert (judged.classes == judged.labels).mean() == one.accuracy["test"]
        assert ((judged.doubt >= 0) & (judged.doubt <= 1)).all()
    assert len(list((tmp_path / "labels").iterdir())) == 1


def test_no_room_for_predictions_costs_them_alone(tmp_path: Path) -> None:
    (tmp_path / "predictions").write_text("no folder")
    whole = go(tmp_path / "whole", toy.Clock(), methods(toy.Clock()))
    without = go(tmp_path, toy.Clock(), methods(toy.Clock()))
    assert [one.predictions for one in without] == [None] * len(SKILLS)
    assert [(one.accuracy, one.correct) for one in without] == [(one.accuracy, one.correct) for one in whole]


def test_a_kill_between_a_line_and_the_end_of_its_file_charges_it_once(tmp_path: Path) -> None:
    clock = toy.Clock()
    made = {"m": toy.method(clock, steps=2, seconds=2.5)}
    go(tmp_path, clock, made, Amount(3.0, math.inf))
    (waiting,) = FittedCells(tmp_path / "fitted")
    (done,) = go(tmp_path, clock, made)
    store = Store(tmp_path)
    store.fitted.put(waiting)
    assert store.spent().seconds == 10.0
    assert store.recover() is None
    assert store.spent().seconds == 5.0 and not list(store.fitted)
    store.fitted.put(replace(waiting, record=replace(waiting.record, started="another time")))
    store.recover()
    assert store.spent().seconds == 5.0 + done.cost.spent_seconds
