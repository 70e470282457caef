"""MLflow as a mirror of the store: one run a cell, below one parent run for the results folder.

It may be late, down or deleted: `sync` makes it whole again from the store, and nothing else is ever read back from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.records.cells import CellResult
from bench.spec import UserError
from bench.tracking.connection import failures, is_default, ui_command, unreachable
from bench.tracking.mirror import Mirror

__all__ = ["Tracker", "sync", "ui_command"]


class Tracker:
    """An observer of the runner: logs each result as it is written, and never costs the run anything.

    The first failure is told on stderr and is the last attempt of this run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.silent = False
        self._mirror: Mirror | None = None

    def __call__(self, result: CellResult) -> None:
        self._attempt(lambda mirror: mirror.log(result))

    def finish(self, artifacts: Sequence[Path] = ()) -> None:
        """Attaches the report's files to the parent run and ends it."""
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
                f"warning: {unreachable(self.folder, error)}; the results are safe in the store, "
                "and `python run_bench.py sync` brings MLflow up to date later",
                file=sys.stderr,
            )


def sync(folder: Path, results: Iterable[CellResult], artifacts: Sequence[Path] = ()) -> int:
    """Logs exactly the results that MLflow lacks, completes those it has in part; returns how many that were.

    `artifacts` are attached to the parent run. Raises UserError when MLflow cannot be reached.
    """
    try:
        mirror = Mirror(folder)
        logged = sum(mirror.log(result) for result in results)
        mirror.finish(artifacts)
    except failures() as error:
        damaged = "if it is damaged, move it away, for all it holds can be made again from the store, and sync again"
        down = "start it, or unset MLFLOW_TRACKING_URI to keep the runs in the results folder, and sync again"
        raise UserError(f"{unreachable(folder, error)}; {damaged if is_default() else down}") from error
    return logged
