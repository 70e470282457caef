"""Tracking servers and databases on this machine, as a user would run them."""

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
from pathlib import Path
from typing import Any

import pytest


def wait_for(address: str, seconds: float = 120.0) -> None:
    """Waits until something answers there."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, f"{address} did not answer within {seconds:.0f} seconds"
            time.sleep(0.2)


def free_port() -> int:
    """A port of this machine on which nothing listens."""
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
    """Kills a process and all that it started, without warning."""
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
    """The address of an empty database of either kind; `empty` is one of SQLite to copy."""
    if kind == "PostgreSQL":
        with postgres(place) as uri:
            yield uri
    else:
        shutil.copyfile(empty, place / "server.db")
        yield f"sqlite:///{place / 'server.db'}"
