"""A lock on a file, held by one process at a time. The system releases it even after a kill."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK = 0.1  # seconds between two looks whether the lock is free


class Held(Exception):
    """Another process holds the lock; the message is its number, or `unknown`."""


@contextmanager
def held(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of a file in an existing folder; the file says which process has it.

    Raises Held where another process has it for more than `patience` seconds, and OSError where the file cannot be
    written to or the file system has no locks.
    """
    deadline = time.monotonic() + patience
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    file.seek(0)
                    raise Held(file.read().strip() or "unknown") from error
                time.sleep(LOOK)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
