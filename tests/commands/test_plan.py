"""`run_bench.py plan`."""

from __future__ import annotations

from pathlib import Path

from tests.command_line import QUICK, bench


def test_plan_says_what_would_run_and_what_it_costs(tmp_path: Path) -> None:
    planned = bench("plan", *QUICK, "--seeds", 0, 1, "--results", tmp_path).stdout
    assert planned.count("to run") >= 2
    assert "2 cells: 0 done, 2 to run in about" in planned
    assert not (tmp_path / "cells.jsonl").exists()
