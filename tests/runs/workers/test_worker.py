"""A worker's records are those of a run in one process, whichever units it is given, in this process or in another."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import bench
from bench.costs.budget import UNLIMITED, Amount
from bench.records.cells import Cell, CellResult
from bench.records.request import Request
from bench.records.store import Store
from bench.runs.comparison import Comparison
from bench.runs.study import owner_of
from bench.runs.workers.parcel import Wrote, forget_trial, parcel, take_in
from bench.runs.workers.worker import Errand, Worker, travelling
from bench.spec import DataMissing
from tests.conftest import REPOSITORY

METHODS = ["linear_probe", "ridge", "bitfit:epochs=1"]
TASK, TRIALS = "demo/digits", 3
# What time decides, and what depends on what else ran in the process: whose features were there already, for example.
TIMED = {"started", "expectation", "environment"}
COSTS = {"train_flops", "tune_flops", "stored_params", "stored_bytes", "shared_flops"}


def request(folder: Path, **more: Any) -> Request:
    return Request(methods=METHODS, tasks=[TASK], tune=TRIALS, sampler="random", results=folder, **more)


def units(cells: Sequence[Cell]) -> list[list[Cell]]:
    """All probes together, and each trained method alone."""
    labels = dict.fromkeys("" if cell.method.frozen else cell.label.text for cell in cells)
    return [[one for one in cells if ("" if one.method.frozen else one.label.text) == label] for label in labels]


def errand(cells: Sequence[Cell], store: Store, limit: Amount = UNLIMITED) -> Errand:
    packed = parcel(cells, store)
    return Errand(travelling(cells), packed, limit, UNLIMITED, Path("data").absolute(), owner_of(store.folder))


def take_all(wrote: Wrote, store: Store) -> None:
    """What the driver does."""
    take_in(wrote, store)
    if wrote.fitted is not None:
        store.fitted.put(wrote.fitted)
    if wrote.record is not None:
        store.append(wrote.record)
        forget_trial(wrote.record, store)


def facts(folder: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Each record without what time decides; a study is found under its name."""
    return {(one.key, one.stage, one.trial and one.trial.number): told(one) for one in Store(folder).results()}


def told(one: CellResult) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(one).items() if name not in TIMED}
    if one.tuning is None or one.status != "done":
        kept["tuning"] = None
    return kept | {"cost": {name: getattr(one.cost, name) for name in COSTS}}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in one process."""
    folder = tmp_path_factory.mktemp("alone")
    bench.compare(METHODS, TASK, tune=TRIALS, sampler="random", results=folder, track=False)
    return folder


def test_units_apart_give_the_same_records(alone: Path, tmp_path: Path) -> None:
    store, worker = Store(tmp_path), Worker(torch.device("cpu"))
    for cells in reversed(units(Comparison.of(request(tmp_path)).plan().cells)):
        ended = worker.do(errand(cells, store), lambda wrote: take_all(wrote, store))
        assert not ended.postponed and ended.failed is None
    assert facts(tmp_path) == facts(alone)
    assert {path.name: path.read_bytes() for path in (tmp_path / "deltas").glob("*.safetensors")} == {
        path.name: path.read_bytes() for path in (alone / "deltas").glob("*.safetensors")
    }
    assert not list((tmp_path / "deltas" / "trials").iterdir()) and not list(store.fitted)


class Killed(BaseException):
    """Somebody kills the worker."""


@pytest.mark.parametrize("last", [3, 6, 14])
def test_a_unit_that_was_killed_goes_on_elsewhere_with_the_same_trials(last: int, alone: Path, tmp_path: Path) -> None:
    store, count = Store(tmp_path), 0
    cells = next(some for some in units(Comparison.of(request(tmp_path)).plan().cells) if not some[0].method.frozen)

    def take(wrote: Wrote) -> None:
        nonlocal count
        count += 1
        if count > last:
            raise Killed
        take_all(wrote, store)

    with pytest.raises(Killed):
        Worker(torch.device("cpu")).do(errand(cells, store), take)
    Worker(torch.device("cpu")).do(errand(cells, store), lambda wrote: take_all(wrote, store))
    assert set(facts(tmp_path)) == {key for key, one in facts(alone).items() if one["method"] == cells[0].label.text}
    assert all(one == facts(alone)[key] for key, one in facts(tmp_path).items())


SCRIPT = """
import pickle, sys, torch
from bench.runs.workers.worker import Worker
errand = pickle.load(sys.stdin.buffer)
found = []
Worker(torch.device("cpu")).do(errand, found.append)
pickle.dump(found, sys.stdout.buffer)
"""


def test_a_process_of_its_own_in_another_folder_gives_the_same_records(alone: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    store.folder.mkdir()
    cells = units(Comparison.of(request(store.folder)).plan().cells)[0]
    sent = pickle.dumps(errand(cells, store))
    own = {"HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=sent, capture_output=True, cwd=tmp_path, check=True, env=os.environ | own
    )
    for wrote in pickle.loads(done.stdout):
        take_all(wrote, store)
    of = {cell.label.text for cell in cells}
    assert facts(store.folder) == {key: one for key, one in facts(alone).items() if one["method"] in of}


def test_a_limit_that_is_lowered_to_nothing_stops_between_two_steps(tmp_path: Path) -> None:
    store, worker = Store(tmp_path), Worker(torch.device("cpu"))
    asked = replace(request(tmp_path), methods=["bitfit:epochs=2"])
    cells, records = Comparison.of(asked).plan().cells, list[CellResult]()

    def take(wrote: Wrote) -> None:
        if wrote.record is not None:
            records.append(wrote.record)
        if wrote.study is not None and any("intermediate_value" in line for line in wrote.lines):
            worker.lower(Amount())

    worker.do(errand(cells, store, Amount(3600.0, 1e18)), take)
    (trial,) = records
    assert (trial.stage, trial.status) == ("trial", "failed")
    assert trial.reason and trial.reason.startswith("the budget of")


def test_other_images_than_the_drivers_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (cell, *_) = Comparison.of(request(tmp_path)).plan().cells
    other = replace(cell, found=replace(cell.found, fingerprint="another"))
    with pytest.raises(DataMissing, match="other images"):
        Worker(torch.device("cpu")).do(errand([other], store), lambda wrote: None)
