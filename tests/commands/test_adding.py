"""A method is one file and a task one row. Both may come from another package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ENVIRONMENT, bench, records
from tests.conftest import REPOSITORY

METHOD = '''"""Guesses: the class that is most frequent in training."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import method
from bench.spec import Method


@method("majority")
@dataclass(frozen=True)
class Majority(Method):
    """Always answers the most frequent class."""

    space = {}
    frozen = True
    folds = 1

    @property
    def passes(self):
        return 0.0

    def fit(self, backbone, train, meter):
        import torch

        from bench.backbone.features import features
        from bench.adapt.probe import Probe

        width = features(backbone, train.images, None, meter).widths[0]
        bias = torch.from_numpy(train.labels).bincount(minlength=train.classes).float()
        return Probe(backbone, None, None, width, torch.zeros(width, train.classes), bias)

    def restore(self, backbone, stored, classes):
        from bench.adapt.probe import restore

        return restore(backbone, None, stored)
'''


TASK = '''"""A task of two shades of grey."""

import numpy as np

from bench.registry import TASKS
from bench.spec import Data, Found, Split, Task


class Grey:
    """Images of one shade each."""

    def __init__(self, shades):
        self.shades = shades

    def __len__(self):
        return len(self.shades)

    def decode(self, index):
        return np.full((32, 32, 3), self.shades[index], np.uint8)


def draw():
    labels = np.arange(40) % 2
    images = Grey(60 + 120 * labels)
    return Data(Split(images, labels, 2, 10), {"test": Split(images, labels, 2)})


def find(data):
    return Found("drawn", "grey@1", draw, 40, 40)


TASKS.add("other/grey", Task("other/grey", "natural", 2, "two shades of grey", find))
'''
PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "another-package"
version = "1"

[project.entry-points."head2head.methods"]
majority = "another.majority"

[project.entry-points."head2head.tasks"]
grey = "another.grey"

[tool.setuptools]
packages = ["another"]
"""


def test_a_method_is_one_file_and_a_task_one_row(tmp_path: Path) -> None:
    """Nothing else is touched, and both are in the list, the plan, the run and the report."""
    home = tmp_path / "house"
    for name in ("bench", "methods", "tasks"):
        shutil.copytree(REPOSITORY / name, home / name)
    shutil.copy(REPOSITORY / "run_bench.py", home)
    (home / "methods" / "majority.py").write_text(METHOD)
    table = home / "tasks" / "demo.py"
    row = '    Row("demo/position", "structured", 8, "horizontal position of a shape", scenes.position),\n'
    assert row in table.read_text()
    table.write_text(table.read_text().replace(row, row + row.replace("position", "where", 1)))
    assert_in_all_commands("majority", "demo/where", tmp_path / "results", home)


@pytest.mark.slow
def test_another_package_adds_a_method_and_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, installed = tmp_path / "package", tmp_path / "installed"
    (package / "another").mkdir(parents=True)
    (package / "another" / "__init__.py").touch()
    (package / "another" / "majority.py").write_text(METHOD)
    (package / "another" / "grey.py").write_text(TASK)
    (package / "pyproject.toml").write_text(PROJECT)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", installed, package], check=True, capture_output=True)
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(installed))
    assert_in_all_commands("majority", "other/grey", tmp_path / "results", REPOSITORY)


def assert_in_all_commands(method: str, task: str, results: Path, home: Path) -> None:
    listed = bench("list", home=home).stdout
    assert method in listed and task in listed
    asked = ["--methods", method, "--tasks", task, "--results", results]
    planned = bench("plan", *asked, home=home).stdout
    assert method in planned and task in planned
    bench(*asked, home=home)
    (record,) = records(results)
    assert (record["method"], record["task"], record["status"]) == (method, task, "done")
    bench("report", "--results", results, home=home)
    page = (results / "report" / "table.md").read_text()
    assert method in page and task.rpartition("/")[2] in page
