"""A run that is killed, interrupted, or meets another on its folder."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bench.records.store import Store
from bench.tracking.turn import turn
from tests.command_line import QUICK, bench, records, started
from tests.tracking.mlflow_runs import keys


def wait_for_work_on(method: str, folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the note beside the records says that this method has been at work for a second."""
    note = folder / "working.json"
    while not (note.exists() and json.loads(note.read_text())["record"]["method"] == method):
        assert process.poll() is None
        time.sleep(0.05)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow on SQLAlchemy 2.1
@pytest.mark.usefixtures("mlflow_environment")
def test_after_a_kill_only_the_rest_is_run(tmp_path: Path) -> None:
    arguments = ["--methods", "linear_probe,fine_tune", "--tasks", "demo/cells", "--results", tmp_path]
    process = started(*arguments)
    assert process.stderr is not None
    while "linear_probe · quick · seed 0: fitted in" not in process.stderr.readline():
        assert process.poll() is None
    wait_for_work_on("fine_tune", tmp_path, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "cells.jsonl").exists()
    again = bench(*arguments, "--methods", "linear_probe,fine_tune").stderr
    assert "a run was killed at demo/cells · fine_tune" in again
    assert "2 cells: 0 done already, 2 to run" in again
    assert "fine_tune · quick · seed 0: fitted in" in again and "linear_probe · quick · seed 0: fitted in" not in again
    lines = [(record["method"], record["status"]) for record in records(tmp_path)]
    assert lines == [("fine_tune", "failed"), ("linear_probe", "done"), ("fine_tune", "done")]
    assert records(tmp_path)[0]["cost"]["spent_seconds"] > 0
    assert len(keys(tmp_path)) == 3  # also the line of what the killed run had spent


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow on SQLAlchemy 2.1
@pytest.mark.usefixtures("mlflow_environment")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_what_is_fitted(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    process = started("--methods", "linear_probe,scratch", "--tasks", "demo/cells", "--results", tmp_path)
    assert process.stderr is not None
    while "linear_probe · quick · seed 0: fitted in" not in process.stderr.readline():
        assert process.poll() is None
    wait_for_work_on("scratch", tmp_path, process)
    process.send_signal(sent)
    _, errors = process.communicate()
    assert process.returncode == code
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert [record["method"] for record in records(tmp_path)] == ["scratch"]
    assert "interrupted" in records(tmp_path)[0]["reason"]
    assert [one.record.method for one in Store(tmp_path).fitted] == ["linear_probe"]
    with turn(tmp_path, 120):  # the process beside the run goes on alone
        assert keys(tmp_path) == [records(tmp_path)[0]["key"]]


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    process = started("--methods", "fine_tune", "--tasks", "demo/cells", "--results", tmp_path)
    assert process.stderr is not None
    process.stderr.readline()
    try:
        refused = bench(*QUICK, "--results", tmp_path, code=2)
        assert f"process {process.pid} is already running" in refused.stderr
    finally:
        process.kill()
        process.communicate()
