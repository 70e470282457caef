"""A tracking server on loopback, with SQLite and with PostgreSQL behind it, and MLflow's page as `ui` serves it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.records.cells import CellResult, TrialFacts, TuningFacts
from bench.records.store import Store
from bench.spec import UserError
from bench.tracking import Tracker, sync
from bench.tracking.mirror import EXPERIMENT, Mirror, all_runs
from bench.tracking.page import serve
from tests.command_line import started
from tests.synthetic import comparison, result

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.usefixtures("mlflow_environment"),
]
STUDY = "a study"


def wait_for(address: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, f"{address} did not answer within {seconds:.0f} seconds"
            time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def server(place: Path, uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A tracking server with a database, killed without warning at the end."""
    store = ["--backend-store-uri", uri, "--artifacts-destination", str(place / "files")]
    command = [sys.executable, "-m", "mlflow", "server", *store, "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (place / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--workers", "1"], stdout=log, stderr=log, start_new_session=True, cwd=place, env=environment
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def postgresql() -> Path:
    """Where PostgreSQL's programs are; skips without them or without a driver."""
    pytest.importorskip("psycopg", reason="psycopg, SQLAlchemy's driver for PostgreSQL, is not installed")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    if not places and not found:
        pytest.skip("PostgreSQL's initdb is neither on the path nor below /usr/lib/postgresql")
    return Path(found).resolve().parent if found else places[-1]


@contextmanager
def postgres(place: Path) -> Iterator[str]:
    """A database cluster of its own on loopback; its address for SQLAlchemy."""
    programs, port = postgresql(), free_port()
    data = place / "postgres"
    data.mkdir()
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        for above in [place, *place.parents]:
            if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o001)  # so that postgres can get to its own folder
        user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    run: Callable[..., Any] = subprocess.run
    run(
        [programs / "initdb", "-D", data, "-U", "mlflow", "--auth=trust", "--no-sync"],
        check=True, capture_output=True, cwd=data, **user,
    )  # fmt: skip
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={data}"]
    process = subprocess.Popen(
        [programs / "postgres", "-D", data, *options], cwd=data, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user,
    )  # fmt: skip
    try:
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + 60
        while run(ready, capture_output=True).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start within a minute"
            time.sleep(0.1)
        run([programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"], check=True)
        yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def database(kind: str, place: Path, empty: Path) -> Iterator[str]:
    if kind == "PostgreSQL":
        with postgres(place) as uri:
            yield uri
    else:
        shutil.copyfile(empty, place / "server.db")
        yield f"sqlite:///{place / 'server.db'}"


def records() -> list[CellResult]:
    """Cells, with the trials of one of them before it and a replay behind it."""
    chosen: list[CellResult] = []
    for number, one in enumerate(comparison(3, 4)):
        if number == 4:
            about = {"tuning": TuningFacts(STUDY), "started": "2026-01-02T04:00:00+00:00"}
            chosen += [tried(at) for at in range(3)]
            one = replace(one, **about, curves={"loss": [(1, 2.0), (2, 1.0)]})
        chosen.append(one)
    return [*chosen, tried(1, "replay")]


def tried(number: int, stage: Any = "trial") -> CellResult:
    about = TrialFacts(STUDY, number, default=number == 0)
    started = f"2026-01-02T03:30:{number:02d}+00:00"
    return result(key=f"{stage} {number}", stage=stage, accuracy={"test": 0.5}, trial=about, started=started)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
@pytest.mark.parametrize("before", [2, 6, 9])  # among cells, among trials, between their final run and the replay
def test_a_server_killed_in_the_middle_lacks_nothing_after_sync(
    kind: str, before: int, tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    port, results = free_port(), records()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # a server on a busy machine is slow, not down
    plot = tmp_path / "report.html"
    plot.write_bytes(b"report")
    with database(kind, tmp_path, mlflow_database) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        track = Tracker(tmp_path)
        with server(tmp_path, uri, port) as process:
            for one in results[:before]:
                track(one)
            assert not track.silent
            kill(process)
            for one in results[before:]:
                track(one)
        assert capsys.readouterr().err.count("warning") == 1
        with server(tmp_path, uri, port):
            assert sync(tmp_path, results, [plot]) == len(results) - before
            assert sync(tmp_path, results) == 0
            check(tmp_path, results)
    assert [path.read_bytes() for path in (tmp_path / "files").rglob("report.html")] == [b"report"]


def check(folder: Path, results: list[CellResult]) -> None:
    """Every result but the replay is one finished run, at its place."""
    mirror = Mirror(folder)
    runs = [run for run in all_runs(mirror.client, mirror.experiment) if "head2head.key" in run.data.tags]
    wanted = sorted(one.key for one in results if one.stage != "replay")
    assert sorted(run.data.tags["head2head.key"] for run in runs) == wanted
    assert {run.info.status for run in runs} == {"FINISHED"}
    (final,) = [run for run in runs if run.data.tags.get("study") == STUDY and "trial" not in run.data.tags]
    for run in runs:
        above = final.info.run_id if "trial" in run.data.tags else mirror.parent
        assert run.data.tags["mlflow.parentRunId"] == above
        assert ("replay/test" in run.data.metrics) == (run.data.tags.get("trial") == "1")
    history = mirror.client.get_metric_history(final.info.run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == [(1, 2.0), (2, 1.0)]


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
