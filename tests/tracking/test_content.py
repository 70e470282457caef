"""What a run holds: figures, curves, the machine, the data, and what the method stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.backbone.network import load
from bench.export import NOTE
from bench.predict import load_adapted
from bench.records.cells import CellResult, Cost, DataFacts, NetworkFacts
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs.plan import plan
from bench.spec import BackboneSpec
from bench.tracking import mirror as mirrors
from bench.tracking import sync
from bench.tracking.mirror import Mirror, all_runs
from tests.synthetic import result
from tests.tracking.mlflow_runs import MARKS, cells, final, runs

pytestmark = MARKS


def test_a_run_says_what_the_record_says(mlflow_folder: Path) -> None:
    accuracy = {"test": 0.9, "val": 0.8, "ood/noisy (2)": 0.5}
    sync(mlflow_folder, [result("head2toe", accuracy=accuracy)])
    (run,) = cells(mlflow_folder)
    assert run.info.run_name == "head2toe · demo/digits · seed 0"
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1767323040000, 1767323042000)  # 2026-01-02T03:04, 1.5 + 0.5 s
    costs = {"train_flops": 1e9, "stored_params": 1300, "stored_bytes": 5200, "train_seconds": 1.5}
    costs |= {
        "eval_seconds": 0.5,
        "spent_seconds": 2.0,
        "spent_flops": 0,
        "system/peak_bytes": 1e8,
    }  # and no tune_flops: it is not known
    assert run.data.metrics == {
        "accuracy/test": 0.9, "accuracy/val": 0.8, "accuracy/ood/noisy _2_": 0.5, **costs,
    }  # fmt: skip
    about = {"method": "head2toe", "task": "demo/digits", "backbone": "mobilenetv2_100", "seed": "0"}
    assert run.data.params == {"lr": "0.01", "steps": "500", **about}
    wanted = {**about, "group": "natural", "stage": "final", "status": "done", "head2head.protocol": "1"}
    assert wanted.items() <= run.data.tags.items()


@pytest.mark.parametrize(("stage", "status", "shown"), [("final", "failed", "FAILED"), ("trial", "skipped", "KILLED")])
def test_what_has_no_figure_keeps_its_reason(mlflow_folder: Path, stage: Any, status: Any, shown: str) -> None:
    found = result(stage=stage, status=status, reason="no images", accuracy={}, cost=Cost(spent_seconds=3.0))
    sync(mlflow_folder, [found])
    (run,) = cells(mlflow_folder)
    assert run.info.status == shown
    assert (run.data.tags["status"], run.data.tags["reason"]) == (status, "no images")
    assert run.data.metrics == {"spent_seconds": 3.0, "spent_flops": 0}


def test_curves_are_histories_over_epochs(mlflow_folder: Path) -> None:
    loss = [(epoch, 2.0 / epoch) for epoch in range(1, 2001)]  # more than a request takes
    sync(mlflow_folder, [final(curves={"loss": loss, "val": [(1, 0.5), (3, 0.75)]})])
    mirror = Mirror(mlflow_folder)
    run_id = runs(mlflow_folder)["lora · demo/digits · seed 0"].info.run_id
    history = mirror.client.get_metric_history(run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == loss
    assert 0 < history[-1].timestamp - history[0].timestamp <= 1500
    validated = mirror.client.get_metric_history(run_id, "curve/val_accuracy")
    assert [(point.step, point.value) for point in validated] == [(1, 0.5), (3, 0.75)]
    mirror.client.update_run(run_id, status="RUNNING")
    sync(mlflow_folder, [final(curves={"loss": loss})])
    assert len(mirror.client.get_metric_history(run_id, "curve/train_loss")) == 2000


def test_the_data_is_an_input_of_the_run(mlflow_folder: Path) -> None:
    data = DataFacts("raw zip", "0123456789abcdef" * 3, ["cat", "dog"])
    sync(mlflow_folder, [result(data=data)])
    run = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"]
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("demo/digits", ("0123456789abcdef" * 3)[:36])
    assert json.loads(used.dataset.source)["pipeline"] == "raw zip"
    assert json.loads(used.dataset.profile) == {"classes": 2}
    assert "head2head.classes" not in run.data.tags


def test_what_describes_the_machine_is_a_system_metric(mlflow_folder: Path) -> None:
    cost = Cost(train_seconds=1.0, spent_seconds=1.0, energy_joules=300.0, utilisation=0.5, peak_bytes=7)
    sync(mlflow_folder, [result(cost=cost)])
    found = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"].data.metrics
    assert {"system/energy_joules": 300.0, "system/utilisation": 0.5, "system/peak_bytes": 7}.items() <= found.items()


@pytest.fixture
def kept(mlflow_folder: Path) -> CellResult:
    """A finished cell whose delta lies in the results folder."""
    import torch
    from safetensors.torch import save_file

    chosen = {"linear_probe": dict(METHODS.items())["linear_probe"]}
    chosen_tasks = TASKS.select(["demo/digits"])
    (cell,) = plan(chosen, chosen_tasks, BackboneSpec("demo"), [0], Path("nowhere")).cells
    network = load(cell.backbone, torch.device("cpu"))
    store = Store(mlflow_folder)
    store.delta(cell.key).parent.mkdir()
    save_file({"weight": torch.zeros(192, 10), "bias": torch.zeros(10)}, store.delta(cell.key))
    facts = NetworkFacts(**network.describe(), digest=cell.weights_digest)
    cost = Cost(stored_bytes=store.delta(cell.key).stat().st_size)
    return result(key=cell.key, params={"l2": None}, cost=cost, data=DataFacts(classes=10), network=facts)


def test_what_was_kept_is_attached_ready_for_use(mlflow_folder: Path, kept: CellResult, tmp_path: Path) -> None:
    sync(mlflow_folder, [kept])
    run = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"]
    client = Mirror(mlflow_folder).client
    place = Path(client.download_artifacts(run.info.run_id, "delta", str(tmp_path)))
    assert sorted(path.name for path in place.iterdir()) == [NOTE, "delta.safetensors"]
    assert load_adapted(place, device="cpu").classes == [str(label) for label in range(10)]
    assert (place / "delta.safetensors").read_bytes() == Store(mlflow_folder).delta(kept.key).read_bytes()


def test_what_is_too_large_or_gone_is_not_attached(
    mlflow_folder: Path, kept: CellResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(kept, key="gone", started="2026-01-02T05:00:00+00:00")
    monkeypatch.setattr(mirrors, "LARGEST", 100)
    assert sync(mlflow_folder, [kept]) == 1
    monkeypatch.setattr(mirrors, "LARGEST", 1 << 20)
    assert sync(mlflow_folder, [gone]) == 1
    mirror = Mirror(mlflow_folder)
    for run in all_runs(mirror.client, "1"):
        assert mirror.client.list_artifacts(run.info.run_id) == []
