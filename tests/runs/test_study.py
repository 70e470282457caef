"""The search: the same seed draws the same trials, whatever interrupts it, and processes share without doubling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from bench.records.cells import Tuning
from bench.runs.storage import hidden, journal, open_storage
from bench.runs.study import Search
from bench.spec import UserError

SPACE = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "rank": IntDistribution(1, 32, log=True),
    "kind": CategoricalDistribution(("a", "b")),
    "l2": FloatDistribution(0.1, 1.0),
}
DEFAULTS = {"lr": 0.01, "rank": 8, "kind": "b", "l2": None}
TPE = Tuning(20, "tpe", 3)
COST = {"flops": 10.0, "seconds": 2.0}


def search(folder: Path, url: str | None = None) -> Search:
    return Search(open_storage(url, folder, "study"), "study", SPACE, DEFAULTS)


def worth(params: dict[str, Any]) -> float:
    return float(params.get("lr", 0.0)) + 0.01 * (params.get("kind") == "a")


def go_on(found: Search, count: int, tuning: Tuning = TPE) -> list[dict[str, Any]]:
    """Runs up to `count` trials; what was drawn for each of them."""
    drawn = []
    for _ in range(count):
        trial = found.propose("me", tuning, 20, set())
        if trial is None:
            break
        drawn.append(trial.params)
        found.tell(trial.number, worth(trial.params), COST, TrialState.COMPLETE)
    return drawn


def test_the_first_trial_is_the_default_as_far_as_the_space_has_it(tmp_path: Path) -> None:
    (first,) = go_on(search(tmp_path), 1)
    assert first == {"lr": 0.01, "rank": 8, "kind": "b"}


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_draws_the_same_trials_however_often_it_is_interrupted(sampler: str, tmp_path: Path) -> None:
    tuning = Tuning(20, sampler, 3)
    whole = go_on(search(tmp_path), 20, tuning)
    assert len(whole) == 20
    assert len({str(one) for one in whole}) == 20
    apart = tmp_path / "apart"
    apart.mkdir()
    pieces: list[dict[str, Any]] = []
    while len(pieces) < 20:
        found = search(apart)
        pieces += go_on(found, 3, tuning)
        left = found.propose("me", tuning, 20, set())  # killed: drawn and never told
        assert left is None or left.number == len(pieces)
    assert pieces == whole
    assert go_on(search(tmp_path), 1, tuning) == []


def test_another_seed_draws_others(tmp_path: Path) -> None:
    here = go_on(search(tmp_path), 3)
    apart = tmp_path / "apart"
    apart.mkdir()
    there = go_on(search(apart), 3, Tuning(20, "tpe", 4))
    assert here[0] == there[0]
    assert here[1:] != there[1:]


def test_best_and_leaders_are_by_accuracy_and_the_earliest_of_equals(tmp_path: Path) -> None:
    found = search(tmp_path)
    for value in (0.5, 0.4, 0.7, 0.7, None, 0.6):
        trial = found.propose("me", TPE, 20, set())
        assert trial is not None
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        found.tell(trial.number, value, COST, state)
    best = found.best()
    assert best is not None
    assert best.number == 2
    assert [one.number for one in found.leaders()] == [0, 2]
    assert found.cost() == {"flops": 60.0, "seconds": 12.0}


def test_two_owners_share_the_trials(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    one, two = search(tmp_path, url), search(tmp_path, url)
    numbers = []
    for _ in range(4):
        for found, owner in ((one, "one"), (two, "two")):
            trial = found.propose(owner, TPE, 6, set())
            if trial is not None:
                numbers.append((owner, trial.number, str(trial.params)))
                found.tell(trial.number, worth(trial.params), COST, TrialState.COMPLETE)
    assert [number for _, number, _ in numbers] == [0, 1, 2, 3, 4, 5]
    assert {owner for owner, _, _ in numbers} == {"one", "two"}
    assert len({params for *_, params in numbers}) == 6
    assert not one.left("one", 6)


def test_what_another_left_running_is_not_taken_over(tmp_path: Path) -> None:
    found = search(tmp_path)
    assert found.propose("other", TPE, 2, set()) is not None
    mine = found.propose("me", TPE, 2, set())
    assert mine is not None
    assert mine.number == 1
    assert found.propose("me", TPE, 2, {1}) is None
    assert [one.number for one in found._unfinished("other", set())] == [0]


def test_a_trial_that_was_taken_for_dead_is_told_of_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runs.study.PATIENCE", 0.0)
    found = search(tmp_path)
    slow = found.propose("other", TPE, 2, set())
    assert slow is not None
    found.await_others("me", lambda params: 1e-3 if params["lr"] == DEFAULTS["lr"] else 1e6)
    found.tell(slow.number, 0.9, COST, TrialState.COMPLETE)
    assert found.best() is None
    assert [one.state for one in found.trials()] == [TrialState.FAIL]


def test_a_study_of_another_protocol_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search(tmp_path)
    monkeypatch.setattr("bench.runs.study.PROTOCOL", "another")
    with pytest.raises(UserError, match="was made under protocol"):
        search(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////nowhere/at/all/study.db", "postgresql+psycopg://me:secret@127.0.0.1:1/none", "mars://x"],
)
def test_a_storage_out_of_reach_is_a_sentence_without_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be reached") as error:
        open_storage(url, tmp_path, "study")
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_passwords_are_hidden() -> None:
    assert hidden("postgresql://me:secret@host/name") == "postgresql://me@host/name"
    assert hidden("sqlite:///file.db") == "sqlite:///file.db"


def test_a_study_in_the_one_journal_of_an_older_version_goes_on(tmp_path: Path) -> None:
    whole = go_on(search(tmp_path), 8)
    older = tmp_path / "older"
    older.mkdir()
    shared = JournalStorage(JournalFileBackend(str(older / "studies.journal")))
    Search(shared, "another", SPACE, DEFAULTS)
    begun = Search(shared, "study", SPACE, DEFAULTS)
    go_on(begun, 3)
    running = begun.propose("me", TPE, 20, set())  # a kill leaves it so
    assert running is not None
    running.report(0.5, 1)
    found = search(older)
    assert found.reported(3) == {1}
    assert [one.params for one in found.trials()] + go_on(found, 5)[1:] == whole


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_kill_after_any_line_of_the_journal_changes_no_trial(sampler: str, tmp_path: Path) -> None:
    tuning = Tuning(20, sampler, 3)
    whole = go_on(search(tmp_path), 14, tuning)
    lines = next((tmp_path / "studies").iterdir()).read_bytes().splitlines(keepends=True)
    a_trial = (len(lines) - 2) // 14
    for cut in (*range(3 + a_trial), *range(len(lines) - a_trial, len(lines))):
        folder = tmp_path / str(cut)
        path = journal(folder, "study")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(lines[:cut]))
        found = search(folder)
        told = [one.params for one in found.trials() if one.state.is_finished()]
        assert told + go_on(found, 14 - len(told), tuning) == whole, cut
