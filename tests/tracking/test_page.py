"""MLflow's own page, as `ui` serves it."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bench.records.store import Store
from bench.spec import UserError
from bench.tracking import sync
from bench.tracking.mirror import EXPERIMENT, Mirror
from bench.tracking.page import serve
from tests.command_line import started
from tests.synthetic import result
from tests.tracking.mlflow_runs import MARKS
from tests.tracking.servers import wait_for

pytestmark = MARKS


def started_ui(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """`run_bench.py ui` and the address that it prints."""
    process = started("ui", "--results", folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_page_is_served_until_it_is_ended(mlflow_folder: Path, number: int, code: int) -> None:
    Store(mlflow_folder).append(result())
    sync(mlflow_folder, [result()])
    before = sorted(path.name for path in mlflow_folder.iterdir())
    process, line = started_ui(mlflow_folder)
    try:
        address, _, view = line.removeprefix("MLflow:  ").partition("/#/")
        assert view == "experiments/1/runs?workflowType=machine_learning&viewStateShareKey=head2head"
        assert address.startswith("http://127.0.0.1:")
        wait_for(address, 5)
        second, other = started_ui(mlflow_folder)  # beside it, on another port
        assert other.partition("/#/")[0] not in ("", line.partition("/#/")[0])
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=20)
        assert second.returncode == 0
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (code, "")
        with pytest.raises(OSError), urllib.request.urlopen(address, timeout=5):
            pass
    finally:
        process.terminate()  # a killed one would leave its server behind
        process.communicate()
    assert sorted(path.name for path in mlflow_folder.iterdir()) == before


def test_there_is_no_page_without_runs(mlflow_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"nowhere has no MLflow runs; `python run_bench.py sync --results"):
        serve(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no runs of ours; `python run_bench.py sync"):
        serve(mlflow_folder)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(UserError, match="does not work"):
        serve(tmp_path / "damaged")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(UserError, match=r"MLflow at http://127.0.0.1:9 does not work .*; start it, or unset"):
        serve(tmp_path)


def test_a_tracking_server_is_named(mlflow_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    sync(mlflow_folder, [result()])
    where = Mirror(mlflow_folder).client.get_experiment_by_name(EXPERIMENT).experiment_id
    monkeypatch.setattr("bench.tracking.page.tracking_uri", lambda folder: "http://me:secret@tracking:5000/")
    assert serve(mlflow_folder) == 0
    shown = capsys.readouterr().out.strip()
    view = "workflowType=machine_learning&viewStateShareKey=head2head"
    assert shown == f"MLflow:  http://tracking:5000/#/experiments/{where}/runs?{view}"
