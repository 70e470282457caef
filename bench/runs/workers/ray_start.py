"""Ray: started on this machine for one run, or joined where a cluster runs. Nothing of it is left behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from bench.spec import UserError

PATIENCE = 10.0  # seconds for a cluster to answer
PORT, CLIENT_PORT = 6379, 10001  # of Ray, where an address names none
# Ray reads these when it is imported. Without clusters its servers listen on the loopback interface alone; this is
# Ray's own way on Windows and macOS, whatever its name says.
LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}


def imported(local: bool) -> Any:
    """Ray, for this machine alone or for a cluster. Raises UserError where it is not installed.

    Where Ray is imported already, as in a notebook, it has read its environment, and stays as it is.
    """
    if local and "ray" not in sys.modules:
        os.environ.update(LOCAL)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.update({name: value for name, value in ALWAYS.items() if name not in os.environ})
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "--workers and --cluster need Ray, which is not installed; run `pip install 'head2head[cluster]'`"
        ) from error
    return ray


@contextmanager
def started(cpus: int, gpus: int) -> Iterator[Any]:
    """Ray on this machine alone, with so many processors and GPUs to give away; it ends with the context.

    Its servers listen on the loopback interface and want a token that only this run has.
    """
    ray = imported(local=True)
    if ray.is_initialized():  # by the notebook
        yield ray
        return
    folder = tempfile.mkdtemp(prefix="h2h-")  # short: the paths of sockets have 107 characters at most
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with keeping_sigterm():
            ray.init(
                num_cpus=cpus, num_gpus=gpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                _node_ip_address="127.0.0.1", _temp_dir=folder,
            )  # fmt: skip
        stack.callback(ray.shutdown)
        yield ray


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """A cluster that runs. Raises UserError where none answers within ten seconds."""
    ray = imported(local=False)
    if ray.is_initialized():
        yield ray
        return
    if address != "auto":
        reach(address)
    problem: list[BaseException] = []

    def join() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # noqa: BLE001  told below, whatever Ray raises
            problem.append(error)

    with keeping_sigterm():
        thread = threading.Thread(target=join, daemon=True)
        thread.start()
        thread.join(PATIENCE)
    if thread.is_alive() or problem:
        first = str(problem[0]).strip().splitlines()[0] if problem else f"no answer in {PATIENCE:.0f} s"
        raise UserError(f"no Ray cluster answers at {address} ({first}); {remedy(address)}")
    try:
        yield ray
    finally:
        ray.shutdown()


def reach(address: str) -> None:
    """Raises UserError for an address where nothing listens."""
    client = address.startswith("ray://")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    where = (host, int(port)) if colon and port.isdecimal() else (address, CLIENT_PORT if client else PORT)
    try:
        socket.create_connection(where, timeout=PATIENCE).close()
    except OSError as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); {remedy(address)}"
        ) from error


def remedy(address: str) -> str:
    """What to do where no cluster answers."""
    if address.startswith("ray://"):
        return "see that it runs with `ray[client]` installed, and that its port is open"
    return "start one with `ray start --head`, and run this on one of its machines; or name no --cluster"


@contextmanager
def keeping_sigterm() -> Iterator[None]:
    """A context after which SIGTERM does what it did before: ray.init puts a handler of its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    with suppress(ValueError):  # not in the main thread, where Ray put none either
        signal.signal(signal.SIGTERM, before)
