"""A task is one row: added to a table, it is listed, planned, run and reported, and no other line is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command_line import bench, records
from tests.conftest import REPOSITORY

ROW = '    Row("demo/place", "structured", 8, "where a shape is", scenes.position),\n'
NAME = "demo/place"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one more row in the table of the embedded suite."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("bench", "methods"):
        (folder / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "run_bench.py", folder)
    shutil.copytree(REPOSITORY / "tasks", folder / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "tasks" / "demo.py"
    rows = table.read_text(encoding="utf-8")
    assert rows.count("ROWS = (\n") == 1
    table.write_text(rows.replace("ROWS = (\n", "ROWS = (\n" + ROW), encoding="utf-8")
    return folder


def test_it_is_listed(checkout: Path) -> None:
    (line,) = (line for line in bench("list", home=checkout).stdout.splitlines() if NAME in line)
    assert line.split() == [NAME, "structured", "8", "800", "+", "200", "/", "1,500", *["drawn", "by", "tasks/demo.py"]]


def test_it_is_planned_run_and_reported(checkout: Path, tmp_path: Path) -> None:
    asked = ("--methods", "linear_probe", "--tasks", NAME, "--device", "cpu", "--results", tmp_path / "run")
    assert NAME in bench("plan", *asked, home=checkout).stdout
    bench(*asked, home=checkout)
    (record,) = records(tmp_path / "run")
    assert (record["task"], record["status"]) == (NAME, "done")
    assert record["accuracy"]["test"] > 1.5 / 8  # better than chance
    assert "place" in bench("report", "--results", tmp_path / "run", home=checkout).stdout
    for file in ("table.md", "report.html"):
        assert "place" in next((tmp_path / "run").rglob(file)).read_text(encoding="utf-8")
