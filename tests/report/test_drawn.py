"""A report is found again as long as its records, options and code are the same, and drawn again otherwise."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bench.records.store import Store
from bench.report import drawn, write_report
from bench.spec import UserError
from tests.conftest import REPOSITORY
from tests.synthetic import result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a report."""
    folder = tmp_path_factory.mktemp("made")
    Store(folder).append(result())
    write_report(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "copy")


def printed(report: drawn.Report, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True).print(report.summary)
    return out.getvalue()


def test_a_report_of_the_same_is_found_and_prints_the_same(folder: Path) -> None:
    files = {path: path.stat().st_mtime_ns for path in (folder / "report").iterdir()}
    kept, anew = write_report(folder), write_report(folder, anew=True)
    assert (kept.kept, anew.kept) == (True, False)
    assert kept.paths == anew.paths and kept.drawn <= anew.drawn
    for width in (80, 200):
        assert printed(kept, width) == printed(anew, width)
    assert all(path.stat().st_mtime_ns > time for path, time in files.items())  # by the second alone


def test_finding_it_changes_no_file_and_imports_nothing_that_draws(folder: Path) -> None:
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code = (
        "import sys, pathlib, bench.report\n"
        f"report = bench.report.write_report(pathlib.Path({str(folder)!r}))\n"
        "print(report.kept, *{'pandas', 'matplotlib', 'scipy', 'numpy', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == files


def spoil(name: str, *, size: int | None = None, text: str | None = None) -> Callable[[Path], None]:
    """Removes a file of the report, cuts it short, or writes something else into it."""

    def change(folder: Path) -> None:
        path = next((folder / "report").glob(name))
        content = path.read_bytes()
        path.unlink()
        if size is not None:
            path.write_bytes(content[:size])
        if text is not None:
            path.write_text(text, encoding="utf-8")

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: Store(folder).append(result("lora", "demo/natural_0")), id="another record"),
        pytest.param(spoil("*_by_task.svg"), id="a plot is gone"),
        pytest.param(spoil("report.html", size=1000), id="a torn page"),
        pytest.param(spoil(drawn.NOTE), id="no note"),
        pytest.param(spoil(drawn.NOTE, size=500), id="a torn note"),
        pytest.param(spoil(drawn.NOTE, text='{"origin": {}, "sizes": 3}'), id="a strange note"),
    ],
)
def test_it_is_not_found_where_something_changed(folder: Path, change: Callable[[Path], None]) -> None:
    assert standing(folder)
    change(folder)
    assert not standing(folder)


def standing(folder: Path) -> drawn.Report | None:
    return drawn.found(folder / "report", drawn.origin(folder / "cells.jsonl", [], "accuracy"))


def test_what_is_not_found_is_drawn_and_other_options_are_another_report(folder: Path) -> None:
    assert not write_report(folder, ["published"]).kept
    assert write_report(folder, ["published"]).kept
    assert not standing(folder)


@pytest.mark.parametrize("name", ["report/page.css", "statistics/pairs.py", "report/reference/pipelines.csv"])
def test_other_code_is_another_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    copy = shutil.copytree(REPOSITORY / "bench", tmp_path / "bench", ignore=shutil.ignore_patterns("assets"))
    before = drawn.code()
    monkeypatch.setattr(drawn, "HERE", copy / "report")
    assert drawn.code() == before
    with (copy / name).open("a") as file:
        file.write("\n")
    assert drawn.code() != before


def test_what_was_drawn_in_part_is_not_found(folder: Path) -> None:
    (folder / "report" / "table.csv").unlink()
    (folder / "report" / "table.csv").mkdir()
    for _ in range(2):
        with pytest.raises(UserError, match="cannot write the report"):
            write_report(folder)
    assert not (folder / "report" / drawn.NOTE).exists()
