"""The driver with workers of this process: units are handed out, lost, refused; nothing is lost or counted twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from bench.costs.budget import Amount
from bench.records.request import Request
from bench.records.store import Store
from bench.runs.comparison import Comparison, opened
from bench.runs.execute import loaded
from bench.runs.runner import Part
from bench.runs.session import Session
from bench.runs.workers.driver import drive
from bench.runs.workers.parcel import Wrote
from bench.runs.workers.pool import Event, Finished, Joined, Lost, Pending, Recorded, Refused
from bench.runs.workers.worker import Errand, Worker

ASKED = Request(methods=["linear_probe", "bitfit:epochs=1"], tasks=["demo/digits", "demo/cells"])


class Killed(BaseException):
    """A worker is killed."""


class Nearby:
    """Workers of this process. Each of their lives ends after so many messages; None: it does not."""

    def __init__(self, lives: Sequence[int | None], blind: Sequence[str] = ()) -> None:
        self.lives, self.blind = list(lives), blind
        self.waiting: list[Event] = []
        self.errands: list[Errand] = []
        self.begun = 0
        self.join()

    def join(self) -> None:
        self.begun += 1
        self.waiting.append(Joined(f"worker {self.begun}", "here"))

    def start(self, worker: str, errand: Errand) -> None:
        self.errands.append(errand)
        if errand.cells[0].task.name in self.blind:
            self.waiting.append(Refused(worker, "the images are not here"))
            return
        does, life = Worker(torch.device("cpu")), self.lives.pop(0) if self.lives else None

        def tell(wrote: Wrote) -> None:
            nonlocal life
            if life == 0:
                assert does.session is not None
                self.waiting.append(Pending(worker, does.session.at, does.session.pending()))
                raise Killed
            life = None if life is None else life - 1
            self.waiting.append(Recorded(worker, wrote))

        try:
            self.waiting.append(Finished(worker, does.do(errand, tell)))
        except Killed:
            self.waiting.append(Lost(worker, "somebody killed it"))
            self.join()

    def ceiling(self, worker: str, limit: Amount) -> None:
        """A worker of this process is done before anybody can tell it anything."""

    def events(self, timeout: float) -> Sequence[Event]:
        found, self.waiting = self.waiting, []
        return found

    def close(self) -> None:
        """Nothing is left."""


def go(folder: Path, pool: Nearby, budget: Sequence[str] = ()) -> tuple[set[str], Session]:
    request = Request(methods=ASKED.methods, tasks=ASKED.tasks, results=folder, budget=budget)
    with opened(request, Comparison.of(request).plan()) as run:
        session = Session(run.store, run.budget, loaded(run.todo[0].backbone, torch.device("cpu")))
        parts: list[Part] = [(session, list(run.todo))]
        return drive(pool, parts, Path("data").absolute()), session


def test_lost_workers_lose_and_double_nothing(tmp_path: Path) -> None:
    done, session = go(tmp_path, Nearby([1, 0, None, 1]))
    lines = Store(tmp_path).results()
    finals = [one.key for one in lines if one.status == "done"]
    assert len(finals) == len(set(finals)) == 4 and set(finals) == done
    assert [one.reason for one in lines if one.status == "failed"] == ["somebody killed it"] * 3
    assert session.budget.spent.seconds == pytest.approx(math.fsum(one.cost.spent_seconds for one in lines))
    assert not (tmp_path / "working.json").exists() and not list(session.store.fitted)


def test_a_unit_that_kills_three_workers_is_failed(tmp_path: Path) -> None:
    done, _ = go(tmp_path, Nearby([0, 0, 0, None]))
    latest = Store(tmp_path).latest()
    failed = [one for one in latest.values() if one.status == "failed"]
    assert len(done) == 3 and [one.reason for one in failed] == ["3 workers were lost over it: somebody killed it"]


def test_a_task_whose_images_no_worker_has_fails_with_the_reason(tmp_path: Path) -> None:
    done, _ = go(tmp_path, Nearby([], blind=["demo/digits"]))
    latest = Store(tmp_path).latest()
    assert {one.task for one in latest.values() if one.key in done} == {"demo/cells"}
    assert {one.reason for one in latest.values() if one.key not in done} == {"the images are not here"}


def test_a_budget_is_leased_to_whole_tasks_or_not_at_all(tmp_path: Path) -> None:
    pool = Nearby([])
    done, session = go(tmp_path, pool, ["1KFLOP"])
    assert not done and not pool.errands and set(session.postponed) == {"demo/digits", "demo/cells"}
