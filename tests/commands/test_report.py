"""`run_bench.py report`: it draws whenever it is asked to, where a run leaves a report as it is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bench.commands.report import main, show_report
from bench.records.store import Store
from tests.synthetic import result


def test_the_command_draws_and_a_run_does_not_draw_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(tmp_path).append(result())
    page = tmp_path / "report" / "report.html"
    times, shown = [], []
    for draw in (main, lambda asked: show_report(asked.results), main):
        draw(Namespace(results=tmp_path, versus=(), metric="accuracy"))
        times.append(page.stat().st_mtime_ns)
        shown.append(capsys.readouterr().out)
    assert times[0] == times[1] < times[2]
    assert shown[0] == shown[1] == shown[2] and str(page) in shown[0]
