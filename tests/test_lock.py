"""The lock of a folder: one process at a time, also after a kill and on file systems without locks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.lock import Held, held, marker

HOLD = "import sys; from pathlib import Path; from bench.lock import held\nwith held(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"  # noqa: E501


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_named_and_a_killed_one_leaves_it_free(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    process = holder(path)
    with pytest.raises(Held, match=str(process.pid)), held(path):
        pass
    process.kill()
    process.communicate()
    with held(path):
        assert path.read_text() == str(os.getpid())


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.ENOLCK])
def test_a_file_system_without_locks_has_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("fcntl.flock", failing(number))
    path = tmp_path / "run.lock"
    with held(path), pytest.raises(Held, match=str(os.getpid())), held(path):
        pass
    with held(path):
        pass
    left = path if number == errno.ENOSYS else marker(path)  # filelock itself knows the first
    left.write_text(f"{process_that_ended()}\n{os.uname().nodename}\n")  # as a killed one leaves it
    os.utime(left, (1e9, 1e9))
    with held(path, 5):
        pass


def failing(number: int) -> Callable[..., None]:
    """A system call that the file system does not have."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def process_that_ended() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
