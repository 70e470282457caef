"""The mirror in MLflow: what a run says, that none is missing or doubled, that a server that is down costs nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from bench.records.cells import Cost, Environment
from bench.records.store import Store
from bench.spec import UserError
from bench.tracking import Tracker, connection, sync, ui_command
from bench.tracking.mirror import EXPERIMENT, Mirror, all_runs
from bench.tracking.record import interval, metrics, params, tags
from tests.synthetic import comparison, result

pytestmark = pytest.mark.filterwarnings(
    "ignore:The ``noload`` loader strategy:DeprecationWarning",  # mlflow's models under SQLAlchemy 2.1
)


@pytest.fixture(autouse=True)
def environment(mlflow_environment: None) -> None:
    """Nothing of the user's, and nothing that the code sets outlives a test."""


@pytest.fixture
def folder(mlflow_folder: Path) -> Path:
    return mlflow_folder


def cells(folder: Path) -> list[Any]:
    """All runs but the parent's."""
    client = connection.connect(folder)
    found = client.get_experiment_by_name(EXPERIMENT)
    runs = all_runs(client, found.experiment_id) if found else iter(())
    return [run for run in runs if "head2head.key" in run.data.tags]


def keys(folder: Path) -> list[str]:
    return sorted(run.data.tags["head2head.key"] for run in cells(folder))


def test_each_cell_is_logged_once(folder: Path) -> None:
    results = comparison(2, 3)
    assert sync(folder, results) == 6
    assert sync(folder, results) == 0
    assert keys(folder) == sorted(one.key for one in results)


def test_a_run_says_what_the_record_says(folder: Path) -> None:
    accuracy = {"test": 0.9, "val": 0.8, "ood/noisy (2)": 0.5}
    sync(folder, [result("head2toe", accuracy=accuracy)])
    (run,) = cells(folder)
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


def test_runs_are_below_one_parent_which_has_the_artifacts(folder: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    for content in (b"old", b"new"):
        plot.write_bytes(content)
        sync(folder, [result(), result("lora")], [plot])
    client = connection.connect(folder)
    parents = {run.data.tags["mlflow.parentRunId"] for run in cells(folder)}
    assert len(parents) == 1
    parent = client.get_run(parents.pop())
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "comparison · my results")
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "report")] == ["report/plot.png"]
    assert [path.read_bytes() for path in folder.glob("mlartifacts/**/plot.png")] == [b"new"]


@pytest.mark.parametrize(("status", "shown"), [("failed", "FAILED"), ("skipped", "KILLED")])
def test_cells_without_a_figure_keep_their_reason(folder: Path, status: Any, shown: str) -> None:
    sync(folder, [result(status=status, reason="no images", accuracy={}, cost=Cost(spent_seconds=3.0))])
    (run,) = cells(folder)
    assert run.info.status == shown
    assert (run.data.tags["status"], run.data.tags["reason"]) == (status, "no images")
    assert run.data.metrics == {"spent_seconds": 3.0, "spent_flops": 0}


def test_a_repeated_cell_is_another_run(folder: Path) -> None:
    again = result(started="2026-05-05T00:00:00+00:00")
    assert sync(folder, [result(status="failed", reason="x"), again]) == 2


@pytest.mark.parametrize("step", ["log_batch", "set_terminated"])
def test_what_was_begun_is_completed(folder: Path, step: str) -> None:
    mirror = Mirror(folder)
    mirror.log(result())

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    setattr(mirror.client, step, killed)
    with pytest.raises(KeyboardInterrupt):
        mirror.log(result("lora"))
    assert sync(folder, [result(), result("lora")]) == 1
    states = {run.data.tags["method"]: run.info.status for run in cells(folder)}
    assert states == {"linear_probe": "FINISHED", "lora": "FINISHED"} and len(keys(folder)) == 2
    assert all(run.data.metrics["accuracy/test"] == 0.8 for run in cells(folder))


def test_metrics_logged_twice_are_the_same(folder: Path) -> None:
    mirror = Mirror(folder)
    mirror.log(result())
    (run,) = cells(folder)
    mirror.client.update_run(run.info.run_id, status="RUNNING")
    assert sync(folder, [result()]) == 1
    assert len(mirror.client.get_metric_history(run.info.run_id, "accuracy/test")) == 1


def test_a_double_is_removed(folder: Path) -> None:
    sync(folder, [result()])
    mirror = Mirror(folder)
    mirror.finished.clear()  # as if another process had logged it unseen
    mirror.log(result())
    mirror.client.create_run(mirror.experiment, tags={"head2head.comparison": mirror.comparison})
    assert len(keys(folder)) == 2
    assert sync(folder, [result()]) == 0
    assert len(keys(folder)) == 1
    assert len(list(all_runs(mirror.client, mirror.experiment))) == 2  # with its parent


def test_a_moved_folder_is_the_same_comparison(folder: Path) -> None:
    Store(folder).append(result())
    sync(folder, [result()])
    moved = folder.rename(folder.with_name("moved"))
    sync(moved, [result(), result("lora")])
    client = connection.connect(moved)
    assert len({run.data.tags["mlflow.parentRunId"] for run in cells(moved)}) == 1
    assert len(list(all_runs(client, "1"))) == 3


def test_a_database_is_made_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"of another process")
    connection.create_database(path)
    assert path.read_bytes() == b"of another process"
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]
    path.unlink()
    assert sync(tmp_path, [result()]) == 1


def test_only_our_own_database_does_not_wait_for_the_disk(folder: Path) -> None:
    connection.connect(folder)
    for name, synchronous in (("mlflow.db", 0), ("studies.db", 2)):
        with sqlalchemy.create_engine(f"sqlite:///{folder / name}").connect() as opened:
            assert opened.exec_driver_sql("PRAGMA synchronous").scalar() == synchronous


def test_the_tracker_logs_and_ends(folder: Path) -> None:
    track = Tracker(folder)
    for one in comparison(2, 2):
        track(one)
    track.finish()
    assert len(keys(folder)) == 4
    assert {run.info.status for run in cells(folder)} == {"FINISHED"}


def test_a_server_that_is_down_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    track = Tracker(tmp_path)
    start = time.monotonic()
    for one in comparison(2, 3):
        track(one)
    track.finish([tmp_path / "plot.png"])
    assert time.monotonic() - start < 5
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("warning: MLflow at http://127.0.0.1:9 does not work")
    assert "`python run_bench.py sync` brings MLflow up to date later" in said.err
    assert "secret" not in said.err


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        start = time.monotonic()
        track = Tracker(tmp_path)
        track(result())
        assert track.silent and time.monotonic() - start < 8  # 4 seconds, and some for a busy machine


@pytest.mark.parametrize("uri", ["sqlite:////proc/nowhere/mlflow.db", "postgresql://127.0.0.1:9/x", "nonsense://x"])
def test_an_unusable_store_is_given_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"does not work .*; start it, or unset MLFLOW_TRACKING_URI"):
        sync(tmp_path, [result()])
    assert time.monotonic() - start < 5


def test_a_damaged_database_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(UserError, match="move it away"):
        sync(tmp_path, [result()])


def test_the_user_has_the_last_word_on_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    connection.connect(folder)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_line_that_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ui_command(Path("results")) == ui_command(tmp_path / "results")
    assert ui_command(Path("results")) == "python run_bench.py ui --results results"
    assert ui_command(Path("/else where")).endswith("--results '/else where'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@host/runs")
    assert ui_command(tmp_path / "results") == "python run_bench.py ui --results results"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@tracking:5000")
    assert ui_command(tmp_path) == "http://tracking:5000"


def test_records_without_a_start_and_with_odd_values() -> None:
    environment = Environment(versions={"torch": "2"})
    bare = result(started="", environment=environment, params={"a(b)": [1, 2], "text": "x"}, cost=Cost())
    start, end = interval(bare)
    assert start == end and abs(start / 1000 - time.time()) < 60
    assert {"a_b_": "[1, 2]", "text": "x"}.items() <= params(bare).items()
    assert tags(bare)["head2head.versions"] == '{"torch": "2"}'
    assert metrics(bare) == {"accuracy/test": 0.8, "accuracy/val": 0.81, "spent_seconds": 0.0, "spent_flops": 0}
    assert tags(result(stage="trial"))["mlflow.runName"].endswith("seed 0 · trial")


def test_importing_tracking_is_light_and_logging_is_silent(folder: Path) -> None:
    code = (
        "import sys, pathlib, bench.tracking as t; assert 'mlflow' not in sys.modules; "
        "from tests.synthetic import result; "
        "t.sync(pathlib.Path(sys.argv[1]), [result()]); t.sync(pathlib.Path(sys.argv[2]), [result()])"
    )
    fresh = folder.with_name("fresh")
    fresh.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(fresh)], capture_output=True, text=True, check=True, env=clean
    )
    assert (done.stdout, done.stderr) == ("", "")
