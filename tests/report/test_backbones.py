"""Several backbones side by side: one grid of all, its table and plots, and the advice over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.costs.budget import UNLIMITED
from bench.records.cells import CellResult, Environment
from bench.report import write_report
from bench.report.numbers.grid import grids
from bench.report.numbers.together import Together, together
from bench.report.tables.backbones import backbones_table
from bench.report.words.advise import advise
from tests.synthetic import comparison

GAINS = {"resnet50": 0.0, "vit_tiny": 0.05}
METHODS = ("linear_probe", "fine_tune", "lora")


def records(**changes: object) -> list[CellResult]:
    """Three methods on four tasks with two backbones, of which the second is better on each task."""
    return [
        replace(one, backbone=name, key=f"{one.key}|{name}", accuracy={"test": one.accuracy["test"] - 0.1 + gain},
                **(changes if name == "vit_tiny" else {}))
        for name, gain in GAINS.items()
        for one in comparison(METHODS, 4)
    ]  # fmt: skip


def side(found: Sequence[CellResult]) -> Together:
    (one,) = together(grids(found))
    return one


def test_all_cells_stand_in_one_grid_with_the_means_of_their_own() -> None:
    one = side(records())
    assert one.backbones == tuple(GAINS) and set(one.methods) == set(METHODS)
    assert len(one.grid.compared) == 6 and len(one.grid.common) == 4
    for part in one.parts:
        for method in METHODS:
            alone, among = (
                part.mean(method, [list(part.common)]),
                one.grid.mean(f"{method} on {part.backbone}", [list(part.common)]),
            )
            assert alone == among


def test_means_are_over_the_tasks_that_all_finished_with_all_backbones() -> None:
    found = [one for one in records() if (one.method, one.backbone, one.task[-1]) != ("lora", "resnet50", "3")]
    one = side(found)
    assert len(one.grid.tasks) == 4 and len(one.grid.common) == 3
    table = backbones_table(one)
    assert table is not None and "3 tasks" in table.note
    want = one.grid.mean("lora on vit_tiny", [list(one.grid.common)])
    assert want is not None and table.values.at[("mean test accuracy, %", "vit_tiny"), "lora"] == want.mean


@pytest.mark.parametrize(
    "changes",
    [
        {"effort": "paper"},
        {"augment": "none"},
        {"environment": Environment("1", device="cuda (H200)")},
        {"task": "x/y"},
    ],
    ids=["effort", "augment", "device", "suite"],
)
def test_what_differs_in_more_than_the_backbone_does_not_stand_side_by_side(changes: dict[str, object]) -> None:
    assert together(grids(records(**changes))) == []


def test_the_advice_ends_with_one_over_all_backbones() -> None:
    found = records()
    first, second, overall = advise(found, sorted({one.task for one in found}), UNLIMITED, float("inf"))
    best = max(first.offers[0].accuracy, second.offers[0].accuracy)
    assert overall.offers[0].accuracy == best
    assert overall.offers[0].method == f"{second.offers[0].method} on vit_tiny"


def test_the_report_has_them_in_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "cells.jsonl").write_text("".join(json.dumps(asdict(one)) + "\n" for one in records()))
    page = write_report(tmp_path).paths[0]
    text = page.read_text(encoding="utf-8")
    assert "demo suite, 2 backbones, side by side" in text and "on vit_tiny has the highest mean" in text
    assert "Backbones side by side" in (page.parent / "table.md").read_text(encoding="utf-8")
    assert (page.parent / "demo_backbones_accuracy_by_bytes.png").stat().st_size > 10_000
