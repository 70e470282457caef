"""The lines of progress on stderr."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.records.cells import Cell
from bench.runs.progress import Progress
from bench.spec import BackboneSpec
from tests import toy
from tests.synthetic import result


def cells(number: int) -> list[Cell]:
    """So many cells that are to be done."""
    return toy.cells({f"m{one}": toy.method(toy.Clock()) for one in range(number)})


def test_a_cell_with_two_records_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(cells(2)) as progress:
        for one in (result("a", status="failed"), result("b"), result("a")):
            progress(one)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["[1/2]", "[2/2]", "[2/2]"]


def test_what_is_left_out_is_told_once_a_method_and_counted_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(cells(3)) as progress:
        for seed in (0, 1):
            progress(result("vqt", seed=seed, status="skipped", reason="vqt needs tokens", accuracy={}))
        progress(result("a"))
    first, last = capsys.readouterr().err.splitlines()
    assert first == "left out: vqt (needs tokens)" and last.startswith("[1/1] demo/digits · a")


def test_lines_name_the_backbone_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    (cell,) = cells(1)
    for todo in ([cell], [cell, replace(cell, backbone=BackboneSpec("resnet18"))]):
        with Progress(todo) as progress:
            progress(result("a"))
    alone, among_others = capsys.readouterr().err.splitlines()
    assert alone.startswith("[1/1] demo/digits · a · ")
    assert among_others.startswith("[1/2] demo/digits · mobilenetv2_100 · a · ")
