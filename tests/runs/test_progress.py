"""The lines of progress on stderr."""

from __future__ import annotations

import pytest

from bench.runs.progress import Progress
from tests.synthetic import result


def test_a_cell_with_two_records_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(2) as progress:
        for one in (result("a", status="failed"), result("b"), result("a")):
            progress(one)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["[1/2]", "[2/2]", "[2/2]"]


def test_what_is_left_out_is_told_once_a_method_and_counted_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(3) as progress:
        for seed in (0, 1):
            progress(result("vqt", seed=seed, status="skipped", reason="vqt needs tokens", accuracy={}))
        progress(result("a"))
    first, last = capsys.readouterr().err.splitlines()
    assert first == "left out: vqt (needs tokens)" and last.startswith("[1/1] demo/digits · a")
