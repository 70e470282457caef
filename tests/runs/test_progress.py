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
