"""A method is one file and a task one row; both may come from another package."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.command_line import bench, records
from tests.conftest import REPOSITORY

METHOD = '''"""Guesses: the class that is most frequent in training."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import method


@method("majority")
@dataclass(frozen=True)
class Majority:
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


def test_a_method_is_one_file_and_a_task_one_row(tmp_path: Path) -> None:
    """Nothing else is touched, and both are in the list, the plan and the run."""
    home = tmp_path / "house"
    for name in ("bench", "methods", "tasks", "run_bench.py"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, home / name)  # type: ignore[operator]
        home.mkdir(exist_ok=True)
    (home / "methods" / "majority.py").write_text(METHOD)
    table = home / "tasks" / "demo.py"
    row = '    Row("position", "structured", 8, "horizontal position of a shape", scenes.position),\n'
    assert row in table.read_text()
    table.write_text(table.read_text().replace(row, row + row.replace("position", "where", 1)))
    listed = bench("list", home=home).stdout
    assert "majority" in listed
    assert "demo/where" in listed
    asked = ["--methods", "majority", "--tasks", "demo/where", "--results", tmp_path / "results"]
    assert "majority" in bench("plan", *asked, home=home).stdout
    bench(*asked, home=home)
    (record,) = records(tmp_path / "results")
    assert (record["method"], record["task"], record["status"]) == ("majority", "demo/where", "done")
    assert 0.05 < record["accuracy"]["test"] < 0.3
