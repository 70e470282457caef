"""Several processes on one study: its trials are shared and none is run twice."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg
import pytest

from bench.records.cells import CellResult
from bench.records.store import Store
from bench.runs.storage import open_storage
from tests.conftest import REPOSITORY

TRIALS = 8
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = pytest.mark.slow


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    """A search of one-epoch trainings from scratch, tuned in `url`, recorded in `folder`."""
    command = [
        sys.executable, str(REPOSITORY / "run_bench.py"), "--methods", "scratch:epochs=1", "--tasks", "demo/cells",
        "--tune", str(TRIALS), "--storage", url, "--results", str(folder),
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def trials_of(folder: Path) -> list[CellResult]:
    return [line for line in Store(folder).results() if line.stage == "trial"]


def share(tmp_path: Path, url: str) -> None:
    """Two processes at once; what they find must fit together."""
    folders = [tmp_path / "one", tmp_path / "two"]
    processes = [start(folder, url) for folder in folders]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    numbers = [line.trial and line.trial.number for folder in folders for line in trials_of(folder)]
    assert sorted(numbers) == list(range(TRIALS)), "a trial is missing or was run twice"
    assert all(trials_of(folder) for folder in folders), "one of them did all the work"
    drawn = [str(line.params) for folder in folders for line in trials_of(folder)]
    assert len(set(drawn)) == TRIALS
    finals = [line for folder in folders for line in Store(folder).results() if line.stage == "final"]
    assert finals[0].params == finals[1].params
    assert finals[0].accuracy == finals[1].accuracy
    assert finals[0].cost.tune_flops == finals[1].cost.tune_flops


def test_sqlite(tmp_path: Path) -> None:
    share(tmp_path, f"sqlite:///{tmp_path / 'study.db'}")


def meet(barrier: Barrier) -> None:
    global gate
    gate = barrier


def open_together(url: str) -> int:
    """Opens a storage at the moment when the others do; the number of its studies."""
    gate.wait(60)
    return len(open_storage(url, Path(), "").get_all_studies())


def many_at_once(urls: list[str]) -> None:
    """Four processes that find each of these databases empty and create its tables at the same moment."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4, meet, [spawn.Barrier(4)]) as pool:
        for url in urls:
            assert pool.map(open_together, [url] * 4, chunksize=1) == [0] * 4
        pool.close()
        pool.join()


def test_sqlite_is_created_by_many_at_once(tmp_path: Path) -> None:
    many_at_once([f"sqlite:///{tmp_path / f'{attempt}.db'}" for attempt in range(10)])


@pytest.mark.skipif(not BINARIES, reason="PostgreSQL is not installed (Debian's package postgresql)")
def test_postgresql_is_created_by_many_at_once(tmp_path: Path) -> None:
    with server(tmp_path / "data") as url:
        names = [f"study{attempt}" for attempt in range(10)]
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            for name in names:
                connection.execute(f"create database {name}")
        many_at_once([url.removesuffix("postgres") + name for name in names])


@pytest.mark.skipif(not BINARIES, reason="PostgreSQL is not installed (Debian's package postgresql)")
def test_postgresql(tmp_path: Path) -> None:
    with server(tmp_path / "data") as url:
        share(tmp_path, url)


@contextmanager
def server(data: Path) -> Iterator[str]:
    """A PostgreSQL server of its own on the loopback address; its URL for Optuna."""
    account = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
    data.mkdir()
    if account:
        for folder in (data, *[one for one in data.parents if str(one).startswith("/tmp/pytest")]):
            folder.chmod(0o755)
        shutil.chown(data, "postgres")
    user = "postgres" if account else os.environ.get("USER", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tool = str(BINARIES[-1] / "pg_ctl")
    options = f"-p {port} -h 127.0.0.1 -k {data}"
    subprocess.run([*account, tool, "init", "-D", data, "-o", "-A trust"], check=True, capture_output=True, cwd="/")
    begin = [*account, tool, "start", "-w", "-D", str(data), "-o", options, "-l", str(data / "log")]
    subprocess.run(begin, check=True, capture_output=True, cwd="/")
    try:
        yield f"postgresql+psycopg://{user}@127.0.0.1:{port}/postgres"
    finally:
        stop = [*account, tool, "stop", "-m", "fast", "-D", str(data)]
        subprocess.run(stop, check=True, capture_output=True, cwd="/")
