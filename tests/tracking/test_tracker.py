"""The observer of a run and the process beside it: each result is logged, and a server that is down costs nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from bench.records.cells import CellResult
from bench.records.store import Store
from bench.spec import UserError
from bench.tracking import Tracker, sync
from bench.tracking.turn import turn
from tests.synthetic import comparison, result
from tests.tracking.mlflow_runs import MARKS, cells, keys

pytestmark = MARKS


def write(folder: Path, results: Iterable[CellResult], tracker: Tracker | None = None) -> None:
    """Records results as a run does, and shows each to the tracker."""
    store = Store(folder)
    for one in results:
        store.append(one)
        if tracker is not None:
            tracker(one)


def test_what_a_run_writes_is_logged_with_its_files(mlflow_folder: Path) -> None:
    page = mlflow_folder / "report.html"
    page.write_bytes(b"report")
    write(mlflow_folder, [result("earlier")])
    with Tracker(mlflow_folder) as tracker:
        tracker.start(1)
        write(mlflow_folder, comparison(2, 2), tracker)
        tracker.attach([page])
    assert len(keys(mlflow_folder)) == 4
    assert {run.info.status for run in cells(mlflow_folder)} == {"FINISHED"}
    assert [path.read_bytes() for path in (mlflow_folder / "mlartifacts").rglob("report.html")] == [b"report"]


def test_a_run_with_nothing_to_do_starts_no_process(mlflow_folder: Path) -> None:
    write(mlflow_folder, [result()])
    before = (mlflow_folder / "mlflow.db").read_bytes()
    with Tracker(mlflow_folder) as tracker:
        tracker.attach([mlflow_folder / "report.html"])
    assert (mlflow_folder / "mlflow.db").read_bytes() == before
    assert not (mlflow_folder / "mlflow.lock").exists()


def test_after_an_interruption_the_process_logs_what_is_left_and_ends(mlflow_folder: Path) -> None:
    with suppress(KeyboardInterrupt), Tracker(mlflow_folder) as tracker:
        tracker.start(0)
        write(mlflow_folder, comparison(1, 3), tracker)
        raise KeyboardInterrupt
    assert tracker._process is not None and tracker._process.wait(120) == 0
    assert len(keys(mlflow_folder)) == 3
    assert sync(mlflow_folder, Store(mlflow_folder).results()) == 0


def test_an_interruption_before_any_record_ends_it_at_once(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), Tracker(tmp_path) as tracker:
        tracker.start(0)
        raise KeyboardInterrupt
    assert tracker._process is not None and tracker._process.returncode == -signal.SIGKILL


def test_sync_completes_what_a_killed_process_left(
    mlflow_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    with Tracker(mlflow_folder) as tracker:
        tracker.start(0)
        assert tracker._process is not None
        tracker._process.kill()
        tracker._process.wait()
        write(mlflow_folder, comparison(1, 2), tracker)
    said = capsys.readouterr().err
    assert said.startswith("warning: the process that logs in MLflow ended early, with exit code -9")
    assert said.count("\n") == 1 and "`python run_bench.py sync` brings MLflow up to date later" in said
    assert sync(mlflow_folder, Store(mlflow_folder).results()) == 2
    assert len(keys(mlflow_folder)) == 2


def test_a_server_that_is_down_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with Tracker(tmp_path) as tracker:
        tracker.start(0)
        write(tmp_path, comparison(2, 3), tracker)
        tracker.attach([tmp_path / "plot.png"])
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("warning: MLflow at http://127.0.0.1:9 does not work")
    assert "`python run_bench.py sync` brings MLflow up to date later" in said.err
    assert "secret" not in said.err


def test_a_server_that_hangs_does_not_hold_the_run_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.tracking.tracker.PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        start = time.monotonic()
        with Tracker(tmp_path) as tracker:
            tracker.start(0)
            write(tmp_path, [result()], tracker)
        assert time.monotonic() - start < 5  # it has a second, and some for a busy machine
        assert tracker._process is not None and tracker._process.wait(120) == 0  # given up by itself
    said = capsys.readouterr().err
    assert said.startswith(f"warning: MLflow is not up to date yet; process {tracker._process.pid} goes on with it")


def test_one_process_at_a_time_brings_a_folder_up_to_date(mlflow_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.tracking.PATIENCE", 0.2)
    with turn(mlflow_folder, 0), pytest.raises(UserError, match=f"process {os.getpid()} is bringing MLflow up to date"):
        sync(mlflow_folder, [result()])
    assert sync(mlflow_folder, [result()]) == 1


def test_importing_tracking_is_light_and_logging_is_silent(mlflow_folder: Path) -> None:
    code = (
        "import sys, pathlib, bench.tracking as t; assert 'mlflow' not in sys.modules; "
        "from tests.synthetic import result; "
        "t.sync(pathlib.Path(sys.argv[1]), [result()]); t.sync(pathlib.Path(sys.argv[2]), [result()])"
    )
    fresh = mlflow_folder.with_name("fresh")
    fresh.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    command = [sys.executable, "-c", code, str(mlflow_folder), str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
    assert (done.stdout, done.stderr) == ("", "")
