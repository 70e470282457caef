"""The observer of a run: it logs each result, and a server that is down costs the run nothing."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.tracking import Tracker
from tests.synthetic import comparison, result
from tests.tracking.mlflow_runs import MARKS, cells, keys

pytestmark = MARKS


def test_the_tracker_logs_and_ends(mlflow_folder: Path) -> None:
    track = Tracker(mlflow_folder)
    for one in comparison(2, 2):
        track(one)
    track.finish()
    assert len(keys(mlflow_folder)) == 4
    assert {run.info.status for run in cells(mlflow_folder)} == {"FINISHED"}


def test_a_server_that_is_down_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    importlib.import_module("mlflow.tracking")  # its seconds are not the server's
    track = Tracker(tmp_path)
    start = time.monotonic()
    for one in comparison(2, 3):
        track(one)
    track.finish([tmp_path / "plot.png"])
    assert time.monotonic() - start < 20  # MLflow itself would try for minutes
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("warning: MLflow at http://127.0.0.1:9 does not work")
    assert "`python run_bench.py sync` brings MLflow up to date later" in said.err
    assert "secret" not in said.err


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        importlib.import_module("mlflow.tracking")  # its seconds are not the server's
        start = time.monotonic()
        track = Tracker(tmp_path)
        track(result())
        assert track.silent and time.monotonic() - start < 8  # 4 seconds, and some for a busy machine


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
