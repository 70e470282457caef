"""The command line's ends: what the world outside does to it becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from run_bench import told
from tests.command_line import ENVIRONMENT, bench, command, started


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_a_full_disk_is_told_with_advice(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert done.returncode == 2
    assert done.stderr == "run_bench.py: No space left on device; free some space and run again\n"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "x: No space left on device; free some space and"),
        (PermissionError(errno.EACCES, "Permission denied", "y"), "y: Permission denied"),
        (OSError("it is gone"), "it is gone"),
    ],
)
def test_only_a_full_disk_is_told_to_be_freed(error: OSError, says: str) -> None:
    assert told(error).startswith(says)
    assert ("free" in told(error)) == (error.errno == errno.ENOSPC)


def test_a_reader_that_leaves_early_and_no_output_at_all() -> None:
    process = started("list", stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (0, "")
    process.stderr.close()
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command("list")], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_help_ends_well_and_wrong_usage_does_not() -> None:
    assert bench("--help").stdout.startswith("usage: run_bench.py [COMMAND] [FLAGS]")
    assert bench("report", "--help").stdout.startswith("usage: run_bench.py report [FLAGS]")
    wrong = bench("reprot", code=2)
    assert (wrong.stdout, wrong.stderr) == ("", "run_bench.py: there is no command 'reprot'; did you mean 'report'?\n")
