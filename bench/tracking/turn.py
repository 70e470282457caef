"""One process at a time brings MLflow up to date with a results folder, so that no run is logged twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.lock import Held, held
from bench.spec import UserError

FILE = "mlflow.lock"


@contextmanager
def turn(folder: Path, patience: float) -> Iterator[None]:
    """Holds a folder's MLflow runs for this process.

    Raises UserError where another process has them for more than `patience` seconds, and OSError where the folder
    cannot be written to.
    """
    try:
        with held(folder / FILE, patience):
            yield
    except Held as other:
        raise UserError(
            f"process {other} is bringing MLflow up to date with {folder}; wait for it, and sync then"
        ) from other
