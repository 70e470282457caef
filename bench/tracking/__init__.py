"""MLflow as a mirror of the store: one MLflow run for each cell, below one parent run for the results folder.

The store is the truth. MLflow may be late, down or deleted: `sync` completes it from the store. No result is ever read
from MLflow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.records.cells import CellResult
from bench.spec import UserError
from bench.tracking.connection import failure_message, failures, is_default, ui_command
from bench.tracking.mirror import Mirror

__all__ = ["Tracker", "sync", "ui_command"]


class Tracker:
    """An observer of a run that logs each result in MLflow when it is written.

    It never makes the run fail. On the first failure it prints a warning to stderr and logs nothing more in this run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.silent = False
        self._mirror: Mirror | None = None

    def __call__(self, result: CellResult) -> None:
        """Logs one result."""
        self._attempt(lambda mirror: mirror.log(result))

    def finish(self, artifacts: Sequence[Path] = ()) -> None:
        """Attaches `artifacts`, the report's files, to the parent run and ends that run."""
        self._attempt(lambda mirror: mirror.finish(artifacts))

    def _attempt(self, work: Callable[[Mirror], object]) -> None:
        if self.silent:
            return
        try:
            self._mirror = self._mirror or Mirror(self.folder)
            work(self._mirror)
        except failures() as error:
            self.silent = True
            print(
                f"warning: {failure_message(self.folder, error)}; the results are safe in the store, "
                "and `python run_bench.py sync` brings MLflow up to date later",
                file=sys.stderr,
            )


def sync(folder: Path, results: Iterable[CellResult], artifacts: Sequence[Path] = ()) -> int:
    """Logs the results that MLflow lacks, completes those that it has in part, and returns how many these were.

    `artifacts` are files to attach to the parent run. Raises UserError when MLflow does not work.
    """
    try:
        mirror = Mirror(folder)
        logged = sum(mirror.log(result) for result in results)
        mirror.finish(artifacts)
    except failures() as error:
        damaged = "if it is damaged, move it away and sync again: everything in it can be made again from the store"
        down = "start it, or unset MLFLOW_TRACKING_URI to keep the runs in the results folder, and sync again"
        raise UserError(f"{failure_message(folder, error)}; {damaged if is_default() else down}") from error
    return logged
