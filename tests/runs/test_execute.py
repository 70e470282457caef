"""A run in which a cell runs out of memory goes on; one whose device fails ends, with all that was measured."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

import methods  # noqa: F401  registers the methods
from bench.commands.codes import INCOMPLETE, OVER_BUDGET
from bench.commands.run import code
from bench.costs import meter as meters
from bench.costs.budget import Amount
from bench.records.cells import CellResult, Tuning
from bench.records.request import Request
from bench.records.store import Store
from bench.registry import METHODS
from bench.runs import execute
from bench.runs.comparison import Comparison, Run, opened
from bench.runs.plan import Terms, plan
from bench.spec import BackboneSpec, UserError
from tests import toy

FineTune: Any = METHODS.select(["fine_tune"])["fine_tune"]
LinearProbe: Any = METHODS.select(["linear_probe"])["linear_probe"]
FAULT = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported later"


class Limb(nn.Module):
    """A network with a reference to itself, which only the garbage collector frees. From some pass on it fails."""

    def __init__(self, inner: nn.Module, error: Exception) -> None:
        super().__init__()
        self.inner, self.error, self.passes = inner, error, 0
        self.own = [self]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        if self.passes > 1:
            Failing.failures.append(self.passes)
            raise self.error
        found: torch.Tensor = self.inner(images)
        return found


@dataclass(frozen=True)
class Short(FineTune):
    """One epoch of two steps."""

    quick: ClassVar[dict[str, Any]] = {}

    epochs: int = 1
    batch: int = 10


@dataclass(frozen=True)
class Failing(Short):
    """Its network fails at its second batch, and at every batch after it."""

    networks: ClassVar[list[weakref.ref[Any]]] = []
    failures: ClassVar[list[int]] = []
    message: ClassVar[Exception] = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def network(self, backbone: Any, classes: int) -> nn.Module:
        made = Limb(super().network(backbone, classes), type(self.message)(*self.message.args)).train()
        self.networks.append(weakref.ref(made))
        return made

    def classifier(self, network: Any) -> Any:
        return super().classifier(network.inner)


class Faulty(Failing):
    """Its device fails."""

    message: ClassVar[Exception] = RuntimeError(FAULT)


class After(Short):
    """Comes after the one that failed, and finds nothing left of it."""

    left: ClassVar[list[int]] = []  # networks that had failed and were still in memory, each time that it began

    def network(self, backbone: Any, classes: int) -> nn.Module:
        self.left.append(sum(one() is not None for one in Failing.networks))
        made: nn.Module = super().network(backbone, classes)
        return made


@pytest.fixture(autouse=True)
def forgotten() -> None:
    Failing.networks.clear()
    Failing.failures.clear()
    After.left.clear()


def run(
    chosen: Mapping[str, Any], folder: Path, tuning: Tuning | None = None, tasks: int = 1, budget: str = "1h"
) -> Run:  # fmt: skip
    """Does these methods on tiny tasks, with the embedded backbone on the CPU."""
    made = {f"toy/{number}": toy.task(f"toy/{number}") for number in range(tasks)}
    asked = plan(chosen, made, BackboneSpec("demo", image_size=32), [0], Path("nowhere"), Terms(tuning))
    with opened(Request(device="cpu", results=folder, budget=[budget]), asked) as found:
        found.work()
    return found


def figures(records: list[CellResult]) -> dict[str, Any]:
    """What was measured of each final cell that has a figure."""
    done = [one for one in records if one.status == "done" and one.stage == "final"]
    return {one.method: (one.accuracy, one.correct, one.cost.train_flops) for one in done}


def without(chosen: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {method: made for method, made in chosen.items() if method != name}


@pytest.mark.parametrize("tuning", [None, Tuning(1, "random", 0)], ids=["fit", "tuning"])
def test_a_cell_that_runs_out_of_memory_leaves_it_to_the_others(tuning: Tuning | None, tmp_path: Path) -> None:
    fixed = "fine_tune:epochs=1,batch=10"
    chosen = {"linear_probe": LinearProbe, "failing": Failing, fixed: After}
    if tuning is not None:
        chosen = {name: made for name, made in chosen.items() if name != "linear_probe"}
        chosen["failing"].space = {"lr": FineTune.space["lr"]}
        chosen[fixed].space = {"lr": FineTune.space["lr"]}
    found = run(chosen, tmp_path / "with", tuning)
    records = Store(tmp_path / "with").results()
    (failed,) = [one for one in records if one.method == "failing" and one.stage == "final"]
    assert failed.status == "failed" and "out of memory" in str(failed.reason)
    assert Failing.networks and After.left and not any(After.left)
    alone = without(chosen, "failing")
    assert (found.outcome().done, found.outcome().failed) == (len(alone), 1)
    run(alone, tmp_path / "without", tuning)
    assert figures(records) == figures(Store(tmp_path / "without").results())
    assert len(figures(records)) == len(alone)


def told_waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the device had failed, each time that something waited for it."""
    waits: list[int] = []
    monkeypatch.setattr(meters, "synchronise", lambda device: waits.append(len(Failing.failures)))
    return waits


def test_a_device_that_fails_ends_the_run_with_all_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    waits = told_waits(monkeypatch)
    chosen = {"first": After, "faulty": Faulty, "short": Short}
    found = run(chosen, tmp_path, tasks=2)
    assert waits and not any(waits), "something waited for a device that had failed"
    (record,) = Store(tmp_path).results()
    assert (record.method, record.status) == ("faulty", "failed") and record.cost.spent_seconds > 0
    assert "illegal memory access" in str(record.reason) and "run again" in str(record.reason)
    spent = record.cost.spent_seconds + Store(tmp_path).fitted.spent().seconds
    assert spent == pytest.approx(found.budget.spent.seconds, abs=1e-3)
    outcome = found.outcome()
    assert outcome.stopped is not None and "toy/0 · faulty · seed 0" in outcome.stopped
    assert code(outcome) == INCOMPLETE
    assert not (tmp_path / "working.json").exists()
    again = run(without(chosen, "faulty"), tmp_path)
    assert again.outcome().complete and code(again.outcome()) == 0
    assert len(After.left) == 2, "fitted before the device failed, and only restored after it"


def test_a_device_that_fails_in_a_trial_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = told_waits(monkeypatch)
    Faulty.space = {"lr": FineTune.space["lr"]}  # type: ignore[attr-defined]
    found = run({"faulty": Faulty}, tmp_path, Tuning(3, "random", 0), tasks=2)
    (record,) = Store(tmp_path).results()
    assert not any(waits)
    assert record.stage == "trial" and record.trial is not None and not record.trial.over  # it is run again
    assert found.outcome().stopped is not None and code(found.outcome()) == INCOMPLETE


def fail(*_: object) -> None:
    raise RuntimeError(FAULT)


def test_a_device_that_fails_in_an_evaluation_leaves_what_was_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with monkeypatch.context() as broken:
        broken.setattr(Short, "restore", fail)
        found = run({"linear_probe": LinearProbe, "after": After}, tmp_path, tasks=2)
    assert found.outcome().stopped is not None
    reasons = {(one.task, one.method): str(one.reason) for one in Store(tmp_path).results()}
    assert set(reasons) == {("toy/0", "linear_probe"), ("toy/0", "after")}
    assert all("illegal memory access" in reason for reason in reasons.values())
    assert run({"linear_probe": LinearProbe, "after": After}, tmp_path).outcome().complete
    assert len(After.left) == 2  # fitted once, and restored in the second run


def test_a_device_that_fails_between_two_cells_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute.runner, "run_task", fail)
    found = run({"linear_probe": LinearProbe}, tmp_path)
    assert "illegal memory access" in str(found.outcome().stopped)
    assert code(found.outcome()) == INCOMPLETE


def test_an_error_of_ours_is_no_failure_of_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute.runner, "run_task", lambda *_: [].index(0))
    with pytest.raises(ValueError, match="not in list"):
        run({"linear_probe": LinearProbe}, tmp_path)


def test_too_small_a_device_for_one_image_fails_every_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the passes that time the backbone run out of memory: then nothing is expected, and cells are tried."""
    real = execute.load

    def tiny(*asked: Any) -> Any:
        backbone = real(*asked)
        backbone.module.register_forward_pre_hook(out_of_memory)
        return backbone

    def out_of_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(execute, "load", tiny)
    found = run({"linear_probe": LinearProbe, "short": Short}, tmp_path, tasks=2)
    records = Store(tmp_path).results()
    assert {(one.status, "out of memory" in str(one.reason)) for one in records} == {("failed", True)}
    assert len(records) == 4 and found.outcome().stopped is None and code(found.outcome()) == INCOMPLETE


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            "do not fit into the memory of cpu; choose a smaller",
        ),
        (RuntimeError(FAULT), "cpu failed (CUDA error: an illegal memory access was encountered); run again"),
    ],
)
def test_weights_that_a_device_does_not_take_are_a_sentence(
    error: Exception, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(execute, "load", refuse)
    with pytest.raises(UserError, match=re.escape(says)):
        run({"linear_probe": LinearProbe}, tmp_path)


def two_backbones(folder: Path, budget: str = "1h", tasks: int = 2) -> Run:
    """Does one method on tiny tasks with two embedded backbones that read at other sizes."""
    made = {f"toy/{number}": toy.task(f"toy/{number}") for number in range(tasks)}
    specs = [BackboneSpec("demo", image_size=size) for size in (16, 32)]
    asked = Comparison(
        Request(device="cpu", results=folder, budget=[budget]), {"linear_probe": LinearProbe}, made, specs
    )
    with opened(asked.request, asked.plan()) as found:
        found.work()
    return found


def test_backbones_run_within_a_task_before_the_next_task_begins(tmp_path: Path) -> None:
    found = two_backbones(tmp_path)
    records = Store(tmp_path).results()
    assert [(one.task, one.network.image_size) for one in records] == [
        ("toy/0", 16), ("toy/0", 32), ("toy/1", 16), ("toy/1", 32),
    ]  # fmt: skip
    assert found.outcome().complete
    assert sum(one.cost.spent_seconds for one in records) == pytest.approx(found.budget.spent.seconds, abs=1e-3)
    with opened(found.request, found.plan) as again:
        assert not again.todo


def test_a_budget_leaves_out_a_task_for_all_backbones_or_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute.Session, "expected", lambda self, cells: Amount(31.0 * len(cells), 0.0))
    outcome = two_backbones(tmp_path, "60s").outcome()  # a cell would fit, a task with two does not
    assert (outcome.done, outcome.left) == (0, 4) and code(outcome) == OVER_BUDGET
    assert set(outcome.postponed) == {"toy/0 · demo", "toy/1 · demo"}


def test_a_device_that_fails_with_one_backbone_is_left_alone_by_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LinearProbe, "fit", fail)
    outcome = two_backbones(tmp_path).outcome()
    (record,) = Store(tmp_path).results()
    assert record.network.image_size == 16
    assert outcome.stopped is not None and "toy/0 · linear_probe" in outcome.stopped
