"""Serves MLflow's own page on the runs of a results folder, for this machine alone, until Ctrl-C."""

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
    failure_message,
    failures,
    is_default,
    tracking_uri,
    without_credentials,
)

LOOPBACK, PORT = "127.0.0.1", 5000  # MLflow's usual port; another one if it is taken
STARTS_WITHIN = 120.0  # seconds


def serve(folder: Path) -> int:
    """Starts the page, prints its address, and ends it on Ctrl-C. Returns the exit code 0.

    A tracking server has a page already: then only its address is printed. Raises UserError when there are no runs to
    show, and when the page does not start.
    """
    uri = tracking_uri(folder)
    if is_default() and not database(folder).exists():
        raise UserError(f"{folder} has no MLflow runs; `python run_bench.py sync --results {folder}` logs its records")
    # Without `workflowType`, MLflow's page starts in its part for language models.
    view = f"#/experiments/{experiment(folder)}/runs?workflowType=machine_learning&viewStateShareKey={VIEW}"
    if uri.startswith(("http://", "https://")):
        print(f"MLflow:  {without_credentials(uri).rstrip('/')}/{view}")
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
    """The id of our experiment. Raises UserError when the store does not have it, or does not work."""
    try:
        found = connect(folder).get_experiment_by_name(EXPERIMENT)
    except failures() as error:
        raise UserError(f"{failure_message(folder, error)}; start it, or unset MLFLOW_TRACKING_URI") from error
    if found is None:
        raise UserError(
            f"MLflow at {without_credentials(tracking_uri(folder))} has no runs of ours; "
            f"`python run_bench.py sync --results {folder}` logs them"
        )
    name: str = found.experiment_id
    return name


def free_port() -> int:
    """MLflow's usual port if nothing listens on it, else any free port. Raises UserError when there is none."""
    for port in (PORT, 0):
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)) as found:
            chosen: int = found.getsockname()[1]
            return chosen
    raise UserError(f"there is no free port on {LOOPBACK}; close some program that listens, and try again")


@contextlib.contextmanager
def running(uri: str, port: int, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A context with MLflow's server, in a process group of its own.

    The server is ended with the context, and also when SIGTERM or SIGHUP ends this process. SIGKILL leaves it running.
    """
    command = [sys.executable, "-m", "mlflow", "ui", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    # The store's address may hold a password. On a command line everybody on the machine could read it.
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)  # else the server would be a client of another one
    before = {number: signal.signal(number, _exit_cleanly) for number in (signal.SIGTERM, signal.SIGHUP)}
    with tempfile.TemporaryDirectory(prefix="head2head-") as place:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=place, start_new_session=True)
        try:
            yield server
        finally:
            stop(server)
            for number, handler in before.items():
                signal.signal(number, handler)


def _exit_cleanly(number: int, _frame: object) -> None:
    """Ends this process with the exit code of the signal, after the open contexts are closed."""
    raise SystemExit(128 + number)


def stop(server: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """Asks the server and its workers to end, and kills them after `patience` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience)


def wait_for(address: str, server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Waits until the server answers. Raises UserError when it has ended, or does not answer in time."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise UserError(f"MLflow's page did not start: {last_line(log)}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)
    raise UserError(f"MLflow's page did not start within {STARTS_WITHIN:.0f} seconds; try again on a quieter machine")


def last_line(log: IO[bytes]) -> str:
    """The last line that the server wrote, without passwords."""
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return without_credentials(lines[-1]) if lines else "it wrote nothing"
