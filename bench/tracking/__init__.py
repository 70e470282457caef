"""MLflow as a mirror of the store: one MLflow run for each cell, below one parent run for the results folder.

The store is the truth. MLflow may be late, down or deleted: `sync` completes it from the store. No result is ever read
from MLflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.records.cells import CellResult
from bench.spec import UserError
from bench.tracking.connection import failure_message, failures, is_default, ui_command
from bench.tracking.mirror import Mirror
from bench.tracking.tracker import Tracker
from bench.tracking.turn import turn

__all__ = ["Tracker", "sync", "ui_command"]
PATIENCE = 60.0  # seconds for the process of a run that was interrupted, which ends by itself


def sync(folder: Path, results: Iterable[CellResult], artifacts: Sequence[Path] = ()) -> int:
    """Logs the results that MLflow lacks, completes those that it has in part, and returns how many these were.

    `artifacts` are files to attach to the parent run. Raises UserError when MLflow does not work, and when another
    process, such as a run into the folder, keeps it up to date.
    """
    try:
        with turn(folder, PATIENCE):
            mirror = Mirror(folder)
            logged = sum(mirror.log(result) for result in results)
            mirror.finish(artifacts)
    except failures() as error:
        damaged = "if it is damaged, move it away and sync again: everything in it can be made again from the store"
        down = "start it, or unset MLFLOW_TRACKING_URI to keep the runs in the results folder, and sync again"
        raise UserError(f"{failure_message(folder, error)}; {damaged if is_default() else down}") from error
    return logged
