"""What is charged is the sum over all records and what waits for its evaluation, whatever fails or is killed."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.costs.budget import Amount
from bench.records.cells import Cell, Tuning
from bench.records.store import Store
from bench.runs.plan import split_done
from bench.runs.runner import run
from tests import toy

MADE = st.tuples(st.integers(1, 6), st.sampled_from([0.3, 1.0, 2.5]), st.booleans())


class Killed(BaseException):
    """Nothing that runs after it counts: what the disk held by then was copied away."""


def kill_at(clock: toy.Clock, step: int, folder: Path, copy: Path) -> None:
    """At some step the folder is copied, as a kill would leave it, and the process unwinds without being heard."""
    steps = count(1)

    def watch() -> None:
        if next(steps) == step:
            shutil.copytree(folder, copy)
            raise Killed

    clock.watch = watch


def go(folder: Path, clock: toy.Clock, asked: Sequence[Cell], limit: Amount) -> Amount:
    """One run over a folder; what it had spent in all when it ended."""
    session = toy.session(folder, clock, limit)
    todo, _ = split_done(asked, session.store.latest(), force=False)
    run(todo, session)
    return session.budget.spent


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(MADE, min_size=1, max_size=3),
    tasks=st.integers(1, 3),
    limits=st.lists(st.floats(1, 60), min_size=1, max_size=3),
    kills=st.lists(st.integers(1, 25), max_size=2),
    trials=st.sampled_from([None, 3]),
    path=st.booleans(),
)
def test_charges_add_up(
    made: list[tuple[int, float, bool]], tasks: int, limits: list[float], kills: list[int], trials: int | None,
    path: bool, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    clock, folder = toy.Clock(), tmp_path_factory.mktemp("run")
    methods: dict[str, Any] = {f"m{place}": toy.method(clock, *how) for place, how in enumerate(made)}
    methods |= {"path": toy.along_a_path(clock)} if path else {}
    asked = toy.cells(methods, tasks, Tuning(trials, "random", 0) if trials else None)
    longest = max(seconds for _, seconds, _ in made)
    for attempt, limit in enumerate(sorted(limits)):
        room = Amount(limit, math.inf)
        if attempt < len(kills):
            copy = tmp_path_factory.mktemp("copy") / "run"
            before = Store(folder).spent().seconds
            began = clock.now
            kill_at(clock, kills[attempt], folder, copy)
            try:
                go(folder, clock, asked, room)
            except Killed:
                shutil.rmtree(folder)  # trials are found again by whoever is in the same place
                copy.rename(folder)
                Store(folder).recover()
                charged = Store(folder).spent().seconds - before
                assert charged <= clock.now - began + 1e-3
                assert charged >= clock.now - began - 1.0 - 2 * longest, "more than a second of work was lost"
            clock.watch = lambda: None
        spent = go(folder, clock, asked, room)
        lines = Store(folder).results()
        assert all(line.cost.spent_seconds >= 0 and line.cost.spent_flops >= 0 for line in lines)
        total = Store(folder).spent()
        assert total.seconds == pytest.approx(spent.seconds, abs=1e-3)
        assert total.flops == spent.flops
        assert total.seconds <= max(limit, *sorted(limits)[: attempt + 1]) + longest + 1e-6
        assert Store(folder).recover() is None, "nothing is left to charge after a run that ended"


def test_a_task_that_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m0": toy.method(clock, 5), "m1": toy.method(clock, 5)}, tasks=4)
    go(tmp_path, clock, asked, Amount(24, math.inf))
    done = [(line.task, line.method) for line in Store(tmp_path).results()]
    assert done == [("toy/0", "m0"), ("toy/0", "m1"), ("toy/1", "m0"), ("toy/1", "m1")]
    go(tmp_path, clock, asked, Amount(45, math.inf))
    lines = Store(tmp_path).results()
    assert len({(line.task, line.method) for line in lines}) == 8
    assert {line.status for line in lines} == {"done"}
    assert Store(tmp_path).index().spent().seconds == pytest.approx(40)


def test_what_did_not_fit_is_told_of(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m0": toy.method(clock, 8), "m1": toy.method(clock, 5)}, tasks=2)
    session = toy.session(tmp_path, clock, Amount(10, math.inf))
    session.estimate.__dict__["forward"] = Amount(0.1, 1.0)  # 4.8 s a cell
    run(asked, session)
    assert {label: [cell.key for cell in left.cells] for label, left in session.postponed.items()} == {
        "toy/0 · m1": [asked[1].key],
        "toy/1": [cell.key for cell in asked[2:]],
    }


def test_what_was_expected_is_in_the_record(tmp_path: Path) -> None:
    clock = toy.Clock()
    go(tmp_path, clock, toy.cells({"m0": toy.method(clock, 5)}, tasks=2), Amount(100, math.inf))
    first, second = Store(tmp_path).results()
    assert first.expectation is not None and first.expectation.seconds < 1
    assert second.expectation is not None and second.expectation.seconds == pytest.approx(5, abs=0.01)
    assert second.cost.spent_seconds == pytest.approx(5)


def test_flops_are_a_budget_too(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = toy.cells({"m0": toy.method(clock, 5)}, tasks=5)
    spent = go(tmp_path, clock, asked, Amount(math.inf, 200))
    assert spent.flops <= 200
    assert [line.status for line in Store(tmp_path).results()] == ["done"] * 2
