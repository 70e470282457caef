"""Formats of deltas: what is evaluated is what the file holds, and no fit is done twice for another format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.backbone.network import load
from bench.costs.budget import Budget
from bench.records.cells import Cell, CellResult, Tuning
from bench.records.correct import unpack
from bench.records.delta import read, store_of
from bench.records.store import Store
from bench.registry import METHODS, TASKS, Label, fitted_as, stored_as
from bench.runs.plan import Terms, keyed, plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec, Split
from tests.methods.test_contract import quick

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
DEMO, CPU = BackboneSpec("demo"), torch.device("cpu")
NAMES = ("linear_probe", "lora", "fine_tune")


def go(folder: Path, store: str, names: tuple[str, ...] = NAMES, tuning: Tuning | None = None) -> list[CellResult]:
    """A run of methods with short recipes on an embedded task: the lines that it added."""
    terms = Terms(tuning, store=store)
    cells = plan(METHODS.select(names), TASKS.select(["demo/cells"]), DEMO, [0], Path("nowhere"), terms).cells
    return work(folder, [cell if tuning else keyed(replace(cell, method=quick(cell.label.text))) for cell in cells])


def work(folder: Path, cells: list[Cell]) -> list[CellResult]:
    records = Store(folder)
    with records.lock():
        return run(cells, Session(records, Budget(spent=records.spent()), load(DEMO, CPU)))


def right(result: CellResult, folder: Path, test: Split) -> np.ndarray:
    """Which test images what is read from a cell's file classifies rightly."""
    method: Any = quick(result.registered)
    adapted = method.restore(load(DEMO, CPU), read(Store(folder).delta(result.key)), test.classes)
    pixels = torch.stack([torch.from_numpy(test.images.decode(at)) for at in range(len(test.labels))])
    return (adapted.logits(pixels.permute(0, 3, 1, 2)).argmax(1).numpy() == test.labels).astype(bool)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[CellResult]]]:
    """A folder with the lines of a run in each format, fp32 first."""
    folder = tmp_path_factory.mktemp("formats")
    return folder, {store: go(folder, store) for store in ("fp32", "bf16", "int8")}


@pytest.mark.slow
def test_each_format_has_rows_of_its_own_and_smaller_files(made: tuple[Path, dict[str, list[CellResult]]]) -> None:
    folder, lines = made
    for store, shrunk in (("bf16", 1.8), ("int8", 3.0)):
        for whole, one in zip(lines["fp32"], lines[store], strict=True):
            assert (one.method, one.store, one.registered) == (f"{whole.method} · {store}", store, whole.method)
            assert one.key != whole.key and store_of(Store(folder).delta(one.key)) == store
            assert one.cost.stored_bytes == Store(folder).delta(one.key).stat().st_size
            assert (whole.cost.stored_bytes or 0) > shrunk * (one.cost.stored_bytes or 0)
            assert one.cost.stored_params == whole.cost.stored_params
            assert one.accuracy["test"] == pytest.approx(whole.accuracy["test"], abs=0.05)


@pytest.mark.slow
def test_no_fit_is_done_twice_and_each_is_attributed(made: tuple[Path, dict[str, list[CellResult]]]) -> None:
    _, lines = made
    for whole, one in zip(lines["fp32"], lines["int8"], strict=True):
        assert one.status == "done" and one.params == whole.params and one.started >= whole.started
        for field in ("train_flops", "shared_flops", "train_seconds", "shared_seconds", "peak_bytes"):
            assert getattr(one.cost, field) == getattr(whole.cost, field)
        assert one.cost.spent_flops < whole.cost.spent_flops


@pytest.mark.slow
def test_what_is_evaluated_is_what_is_read_back(made: tuple[Path, dict[str, list[CellResult]]]) -> None:
    folder, lines = made
    (task,) = TASKS.select(["demo/cells"]).values()
    test = task.find(Path("nowhere")).load().tests["test"]
    for one in lines["int8"]:
        assert (right(one, folder, test) == unpack(one.correct["test"], len(test.labels))).mean() > 0.998


def test_a_format_without_an_fp32_cell_is_fitted_and_a_tuned_one_shares_its_trials(tmp_path: Path) -> None:
    (alone,) = go(tmp_path / "alone", "bf16", ("linear_probe",))
    assert alone.status == "done" and alone.cost.spent_flops > (alone.cost.train_flops or 0)
    tuning = Tuning(2, "tpe", 0)
    first = go(tmp_path / "tuned", "fp32", ("knn",), tuning)
    again = go(tmp_path / "tuned", "fp16", ("knn",), tuning)
    (whole,), short = [one for one in first if one.stage == "final"], again[0]
    assert sum(one.stage == "trial" for one in first) == 2 and [one.stage for one in again] == ["final"]
    assert short.params == whole.params and short.cost.tune_flops == whole.cost.tune_flops
    assert short.method == "knn · fp16" and short.cost.train_flops == whole.cost.train_flops


def test_a_label_with_a_format_is_the_same_method() -> None:
    label = Label.parse(stored_as("lora:rank=4 (oracle)", "int8"))
    assert (label.name, label.fixed, label.oracle) == ("lora", {"rank"}, True)
    assert fitted_as(label.text) == "lora:rank=4 (oracle)" and stored_as("lora", "fp32") == "lora"
