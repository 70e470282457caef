"""MLflow's own page on the runs of a results folder: a server on this machine alone, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bench.spec import UserError
from bench.tracking.connection import (
    EXPERIMENT,
    VIEW,
    connect,
    database,
    failures,
    is_default,
    shown,
    tracking_uri,
    unreachable,
)

LOOPBACK, PORT = "127.0.0.1", 5000  # MLflow's usual port, unless it is taken
STARTS_WITHIN = 120.0  # seconds


def serve(folder: Path) -> int:
    """Starts the page, prints its address, and ends it on Ctrl-C; a tracking server has one already, which is named.

    Raises UserError when there is nothing to show or the page does not start.
    """
    uri = tracking_uri(folder)
    if is_default() and not database(folder).exists():
        raise UserError(f"{folder} has no MLflow runs; `python run_bench.py sync --results {folder}` logs its records")
    # MLflow's page begins with what it has for language models, unless its address says otherwise.
    view = f"#/experiments/{experiment(folder)}/runs?workflowType=machine_learning&viewStateShareKey={VIEW}"
    if uri.startswith(("http://", "https://")):
        print(f"MLflow:  {shown(uri).rstrip('/')}/{view}")
        return 0
    port = free_port()
    with tempfile.TemporaryFile() as log, running(uri, port, log) as server:
        wait_for(f"http://{LOOPBACK}:{port}/health", server, log)
        with contextlib.suppress(KeyboardInterrupt):
            print(f"MLflow:  http://{LOOPBACK}:{port}/{view}\nCtrl-C ends it", flush=True)
            server.wait()
            raise UserError(f"MLflow's page ended by itself: {last_line(log)}")
    return 0


def experiment(folder: Path) -> str:
    """Id of our experiment in the store. Raises UserError when the store has none or does not work."""
    try:
        found = connect(folder).get_experiment_by_name(EXPERIMENT)
    except failures() as error:
        raise UserError(f"{unreachable(folder, error)}; start it, or unset MLFLOW_TRACKING_URI") from error
    if found is None:
        raise UserError(
            f"MLflow at {shown(tracking_uri(folder))} has no runs of ours; "
            f"`python run_bench.py sync --results {folder}` logs them"
        )
    name: str = found.experiment_id
    return name


def free_port() -> int:
    """MLflow's usual port where nothing listens on it, else any free one."""
    for port in (PORT, 0):
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)) as found:
            chosen: int = found.getsockname()[1]
            return chosen
    raise UserError(f"there is no free port on {LOOPBACK}; close some program that listens, and try again")


@contextlib.contextmanager
def running(uri: str, port: int, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server in a process group of its own, which is ended whatever ends this process but SIGKILL."""
    command = [sys.executable, "-m", "mlflow", "ui", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    # The address of the store may hold a password, which a command line would show to everybody on the machine.
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)  # a server is no client of another
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    with tempfile.TemporaryDirectory(prefix="head2head-") as place:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=place, start_new_session=True)
        try:
            yield server
        finally:
            end(server)
            for number, handler in before.items():
                signal.signal(number, handler)


def leave(number: int, _frame: object) -> None:
    """Ends this process as the signal would, but by way of what has to be cleaned up."""
    raise SystemExit(128 + number)


def end(server: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """Asks the server and its workers to end, and after `patience` seconds makes them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience)


def wait_for(address: str, server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Returns when the server answers. Raises UserError when it ended instead, or takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise UserError(f"MLflow's page did not start: {last_line(log)}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)
    raise UserError(f"MLflow's page did not start within {STARTS_WITHIN:.0f} seconds; try again on a quieter machine")


def last_line(log: IO[bytes]) -> str:
    """The last thing that the server said, without passwords."""
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return shown(lines[-1]) if lines else "it said nothing"
