"""The observer of a run that has MLflow kept up to date by a process beside the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO

from bench.records.cells import CellResult
from bench.tracking.connection import LATER

PATIENCE = 60.0  # seconds for what is left to log when the run has ended


class Tracker:
    """Has each result logged in MLflow after it is written, in a process of its own (`bench.tracking.follow`).

    It never makes the run fail, and the run never waits for it before its end. What MLflow lacks then, `sync` logs. A
    context: at its end the process is told that nothing more comes, and is waited for, unless the run was interrupted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._relay: Thread | None = None
        self._told = False

    def start(self, seen: int) -> None:
        """Starts the process; the first `seen` records of the folder are not its work."""
        home = Path(__file__).resolve().parents[2]  # from where this package is imported, wherever the run is started
        path = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, "-P", "-m", "bench.tracking.follow", str(self.folder), str(seen)]
        try:
            self._process = subprocess.Popen(
                command, env=environment, encoding="utf-8", errors="replace", stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            warn(f"MLflow is not kept up to date ({error.strerror})")
            return
        assert self._process.stdout is not None
        self._relay = Thread(target=relay, args=[self._process.stdout], daemon=True)
        self._relay.start()

    def __call__(self, result: CellResult) -> None:
        """Has a result logged that the store has."""
        self._tell("")

    def attach(self, artifacts: Sequence[Path]) -> None:
        """Has files, those of the report, attached to the run of the whole comparison."""
        self._tell(json.dumps([str(path.resolve()) for path in artifacts]))

    def _tell(self, line: str) -> None:
        """One line to the process. Where it has ended, it has said why, or the end of the run does."""
        if self._process is not None and self._process.stdin is not None:
            self._told = True
            with suppress(OSError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        """Tells the process that the run has ended. After an interruption it goes on alone, if there is a record."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(OSError):
            process.stdin.close()
        if kind is None:
            self._join(process)
        elif not self._told:
            process.kill()
            process.wait()

    def _join(self, process: subprocess.Popen[str]) -> None:
        """Waits until what is left is logged; for so long, and no longer than the user wants to."""
        try:
            code = process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            warn(f"MLflow is not up to date yet; process {process.pid} goes on with it")
            return
        if self._relay is not None:
            self._relay.join()
        if code:
            warn(f"the process that logs in MLflow ended early, with exit code {code}")


def relay(lines: IO[str]) -> None:
    """Shows what the process says, as it comes."""
    with lines:
        for line in lines:
            print(line, end="", file=sys.stderr)


def warn(problem: str) -> None:
    """Says what MLflow lacks, and what to do."""
    print(f"warning: {problem}; {LATER}", file=sys.stderr)
