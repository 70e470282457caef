"""The method of CONTRIBUTING.md, taken out of the page: it is short, and works as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.command_line import bench, records
from tests.conftest import REPOSITORY


def example() -> str:
    """The first block of Python under "Add a method"."""
    section = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a method")[2]
    found = re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The program with one more file in `methods/`."""
    for name in ("bench", "tasks"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "run_bench.py", tmp_path)
    shutil.copytree(REPOSITORY / "methods", tmp_path / "methods", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "methods" / "class_medians.py").write_text(example(), encoding="utf-8")
    return tmp_path


def test_it_is_short() -> None:
    assert len(example().splitlines()) <= 25


def test_it_is_listed_and_learns(checkout: Path) -> None:
    assert "class_medians" in bench("list", home=checkout).stdout
    asked = ("--methods", "class_medians,linear_probe", "--tasks", "demo/digits", "--device", "cpu")
    bench(*asked, "--results", checkout / "run", home=checkout)
    found = {record["method"]: record for record in records(checkout / "run")}
    assert {record["status"] for record in found.values()} == {"done"}
    medians, probe = (found[name]["accuracy"]["test"] for name in ("class_medians", "linear_probe"))
    assert 0.5 < medians < probe
    assert found["class_medians"]["cost"]["train_flops"] < found["linear_probe"]["cost"]["train_flops"]
