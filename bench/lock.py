"""A lock on a file, held by one process at a time. It ends with its process, even with one that is killed."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK = 0.1  # seconds between two looks whether the lock is free
# What file systems without locks answer, some network and cloud drives among them.
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EPERM, errno.EINVAL}


class Held(Exception):
    """Another process holds the lock; the message is its number, or `unknown`."""


@contextmanager
def held(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of a file in an existing folder; the file says which process has it.

    Where the file system has no locks, the file's existence is the lock, and one that a killed process of this machine
    left is taken over. Raises Held where another process has it for more than `patience` seconds, and OSError where the
    file cannot be written to.
    """
    from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout  # here: reading results needs no lock

    def acquired(kind: type[BaseFileLock], file: Path) -> BaseFileLock:
        lock = kind(file, timeout=patience, poll_interval=LOOK)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it takes the other kind
            lock.acquire()
        return lock

    try:
        try:
            lock = acquired(FileLock, path)
        except OSError as error:
            if isinstance(error, Timeout) or error.errno not in WITHOUT_LOCKS:
                raise
            lock = acquired(SoftFileLock, marker(path))  # the failed attempt has left an empty file
    except Timeout as error:
        raise Held(owner(path)) from error
    try:
        if not isinstance(lock, SoftFileLock):  # which has written it
            path.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        lock.release()


def marker(path: Path) -> Path:
    """The file that exists while the lock is held, where the file system has no locks."""
    return path.with_name(f"{path.name}.held")


def owner(path: Path) -> str:
    """The number of the process that holds the lock of a file, or `unknown`."""
    for file in (marker(path), path):
        with suppress(OSError, ValueError, IndexError):
            return str(int(file.read_text(encoding="ascii").split()[0]))
    return "unknown"
