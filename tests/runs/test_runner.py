"""The runner from inside: what an interruption leaves behind, and the rules that a method cannot break."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.backbone.network import load
from bench.costs.budget import Budget
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs.plan import plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec

DEMO = BackboneSpec("demo")
LinearProbe: Any = METHODS.select(["linear_probe"])["linear_probe"]


@dataclass(frozen=True)
class Interrupted(LinearProbe):
    """Somebody presses Ctrl-C while it is fitted."""

    def fit(self, backbone: Any, train: Any, meter: Any) -> Any:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Meddler(LinearProbe):
    """Writes to the backbone that all methods share."""

    def fit(self, backbone: Any, train: Any, meter: Any) -> Any:
        with torch.no_grad():
            next(backbone.module.parameters()).add_(0)
        return super().fit(backbone, train, meter)


@dataclass(frozen=True)
class Diverged(LinearProbe):
    """Keeps a weight that is no number."""

    def fit(self, backbone: Any, train: Any, meter: Any) -> Any:
        probe = super().fit(backbone, train, meter)
        probe.weight[0] = torch.nan
        return probe


@dataclass(frozen=True)
class Braggart(LinearProbe):
    """Says that it trains the backbone and returns a probe."""

    frozen = False


def run_these(chosen: dict[str, Any], folder: Path) -> Session:
    cells = plan(chosen, TASKS.select(["demo/cells"]), DEMO, [0], Path("nowhere")).cells
    session = Session(Store(folder), Budget(), load(DEMO, torch.device("cpu")))
    with session.store.lock():
        run(cells, session)
    return session


def test_an_interruption_keeps_what_was_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_these({"linear_probe": LinearProbe, "interrupted": Interrupted}, tmp_path)
    (lost,) = Store(tmp_path).results()
    assert (lost.method, lost.status) == ("interrupted", "failed")
    assert "run again" in str(lost.reason)
    (waiting,) = Store(tmp_path).fitted
    monkeypatch.setattr(LinearProbe, "solve", lambda *_: pytest.fail("it was fitted already"))
    (kept,) = run_these({"linear_probe": LinearProbe}, tmp_path).results
    assert (kept.method, kept.status, kept.started) == ("linear_probe", "done", waiting.record.started)
    assert kept.accuracy["test"] > 0.5
    assert kept.cost.train_flops == waiting.record.cost.train_flops
    assert kept.cost.spent_seconds > waiting.record.cost.spent_seconds > 0
    assert not (tmp_path / "fitted").exists()


def test_a_delta_that_was_changed_since_is_fitted_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_these({"linear_probe": LinearProbe, "interrupted": Interrupted}, tmp_path)
    (waiting,) = Store(tmp_path).fitted
    path = Store(tmp_path).delta(waiting.record.key)
    path.write_bytes(path.read_bytes()[:-4] + bytes(4))
    unused, kept = run_these({"linear_probe": LinearProbe}, tmp_path).results
    assert (unused.status, unused.cost) == ("failed", waiting.record.cost)
    assert "fitted anew" in str(unused.reason)
    assert kept.status == "done" and kept.accuracy["test"] > 0.5


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (Meddler, "changed the backbone's own weights"),
        (Diverged, "diverged: its weights are not finite"),
        (Braggart, "says frozen = False but returned Probe"),
    ],
)
def test_who_breaks_a_rule_has_no_figure(method: Any, reason: str, tmp_path: Path) -> None:
    (result,) = run_these({"offender": method}, tmp_path).results
    assert result.status == "failed"
    assert reason in str(result.reason)
    assert result.accuracy == {}
    assert result.cost.spent_seconds > 0


def test_a_shared_pass_that_fails_runs_once_and_fails_every_probe(tmp_path: Path) -> None:
    broken = load(DEMO, torch.device("cpu"))
    with torch.no_grad():
        next(broken.module.parameters()).fill_(torch.inf)
    assert broken.taps
    passed: list[int] = []
    broken.module.register_forward_hook(lambda module, given, output: passed.append(len(given[0])))
    chosen = METHODS.select(["linear_probe", "head2toe", "all_features"])
    cells = plan(chosen, TASKS.select(["demo/cells"]), DEMO, [0, 1], Path("nowhere")).cells
    session = Session(Store(tmp_path), Budget(), broken)
    assert session.estimate.forward.seconds > 0
    passed.clear()
    with session.store.lock():
        run(cells, session)
    assert [one.status for one in session.results] == ["failed"] * 6
    assert len({one.reason for one in session.results}) == 1
    assert "not finite" in str(session.results[0].reason)
    assert sum(passed) <= 2 * 1000  # in half precision, then in full: for all six cells together
    assert session.results[0].cost.spent_seconds > 0


def test_methods_share_one_forward_pass_and_are_charged_it_in_full(tmp_path: Path) -> None:
    head2toe: Any = METHODS.select(["head2toe"])["head2toe"]
    together = run_these({"head2toe": head2toe, "linear_probe": LinearProbe}, tmp_path / "together")
    alone = run_these({"linear_probe": LinearProbe}, tmp_path / "alone")
    probe = together.results[1]
    assert probe.cost.train_flops == alone.results[0].cost.train_flops
    assert probe.accuracy == alone.results[0].accuracy
