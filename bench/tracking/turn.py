"""One process at a time brings MLflow up to date with a results folder, so that no run is logged twice."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.spec import UserError

FILE = "mlflow.lock"
LOOK = 0.1  # seconds between two looks whether it is our turn


@contextmanager
def turn(folder: Path, patience: float) -> Iterator[None]:
    """Holds a folder's MLflow runs for this process. The system releases them even after a kill.

    Raises UserError where another process has them for more than `patience` seconds, and OSError where the folder
    cannot be written to.
    """
    deadline = time.monotonic() + patience
    with (folder / FILE).open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    raise UserError(
                        f"process {holder} is bringing MLflow up to date with {folder}; wait for it, and sync then"
                    ) from error
                time.sleep(LOOK)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
