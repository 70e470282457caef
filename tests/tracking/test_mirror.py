"""The runs of a results folder in MLflow: none is missing, none is there twice, and each says what its record says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.records.cells import DataFacts
from bench.records.correct import pack
from bench.records.predictions import Judged, keep
from bench.records.store import Store
from bench.report.numbers.metrics import METRICS, metrics
from bench.tracking import connection, sync
from bench.tracking.mirror import Mirror, all_runs
from tests.synthetic import comparison, result
from tests.tracking.mlflow_runs import MARKS, cells, keys

pytestmark = MARKS


def test_each_cell_is_logged_once(mlflow_folder: Path) -> None:
    results = comparison(2, 3)
    assert sync(mlflow_folder, results) == 6
    assert sync(mlflow_folder, results) == 0
    assert keys(mlflow_folder) == sorted(one.key for one in results)


def test_a_run_has_the_metrics_of_what_its_cell_predicted(mlflow_folder: Path) -> None:
    one = Judged(np.array([0, 1, 1, 1]), np.zeros(4, np.float16), np.array([0, 0, 0, 1]))
    right = one.classes == one.labels
    facts = DataFacts(fingerprint="f", test_counts={"ood/very noisy (2)": 4})
    record = result(correct={"ood/very noisy (2)": pack(right)}, data=facts)
    held = keep(mlflow_folder, record, {"ood/very noisy (2)": one}, {"ood/very noisy (2)": one.labels})
    sync(mlflow_folder, [replace(record, predictions=held)])
    (run,) = cells(mlflow_folder)
    found = {name: run.data.metrics.get(f"{name}/ood/very noisy _2_") for name in METRICS}
    assert found == pytest.approx(metrics(one)) and found["worst_class"] == pytest.approx(1 / 3)


def test_what_was_left_out_has_no_run(mlflow_folder: Path) -> None:
    left_out = result("vpt_deep", status="skipped", reason="vpt_deep needs tokens", accuracy={})
    assert sync(mlflow_folder, [left_out, result()]) == 1
    assert keys(mlflow_folder) == [result().key]


def test_runs_are_below_one_parent_which_has_the_artifacts(mlflow_folder: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    for content in (b"old", b"new"):
        plot.write_bytes(content)
        sync(mlflow_folder, [result(), result("lora")], [plot])
    client = connection.connect(mlflow_folder)
    parents = {run.data.tags["mlflow.parentRunId"] for run in cells(mlflow_folder)}
    assert len(parents) == 1
    parent = client.get_run(parents.pop())
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "comparison · my results")
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "report")] == ["report/plot.png"]
    assert [path.read_bytes() for path in mlflow_folder.glob("mlartifacts/**/plot.png")] == [b"new"]


def test_a_repeated_cell_is_another_run(mlflow_folder: Path) -> None:
    again = result(started="2026-05-05T00:00:00+00:00")
    assert sync(mlflow_folder, [result(status="failed", reason="x"), again]) == 2


@pytest.mark.parametrize("step", ["log_batch", "set_terminated"])
def test_what_was_begun_is_completed(mlflow_folder: Path, step: str) -> None:
    mirror = Mirror(mlflow_folder)
    mirror.log(result())

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    setattr(mirror.client, step, killed)
    with pytest.raises(KeyboardInterrupt):
        mirror.log(result("lora"))
    assert sync(mlflow_folder, [result(), result("lora")]) == 1
    states = {run.data.tags["method"]: run.info.status for run in cells(mlflow_folder)}
    assert states == {"linear_probe": "FINISHED", "lora": "FINISHED"} and len(keys(mlflow_folder)) == 2
    assert all(run.data.metrics["accuracy/test"] == 0.8 for run in cells(mlflow_folder))


def test_metrics_logged_twice_are_the_same(mlflow_folder: Path) -> None:
    mirror = Mirror(mlflow_folder)
    mirror.log(result())
    (run,) = cells(mlflow_folder)
    mirror.client.update_run(run.info.run_id, status="RUNNING")
    assert sync(mlflow_folder, [result()]) == 1
    assert len(mirror.client.get_metric_history(run.info.run_id, "accuracy/test")) == 1


def test_a_double_is_removed(mlflow_folder: Path) -> None:
    sync(mlflow_folder, [result()])
    mirror = Mirror(mlflow_folder)
    mirror.finished.clear()  # as if another process had logged it unseen
    mirror.log(result())
    mirror.client.create_run(mirror.experiment, tags={"head2head.comparison": mirror.comparison})
    assert len(keys(mlflow_folder)) == 2
    assert sync(mlflow_folder, [result()]) == 0
    assert len(keys(mlflow_folder)) == 1
    assert len(list(all_runs(mirror.client, mirror.experiment))) == 2  # with its parent


def test_a_moved_folder_is_the_same_comparison(mlflow_folder: Path) -> None:
    Store(mlflow_folder).append(result())
    sync(mlflow_folder, [result()])
    moved = mlflow_folder.rename(mlflow_folder.with_name("moved"))
    sync(moved, [result(), result("lora")])
    client = connection.connect(moved)
    assert len({run.data.tags["mlflow.parentRunId"] for run in cells(moved)}) == 1
    assert len(list(all_runs(client, "1"))) == 3
