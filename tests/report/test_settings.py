"""What was computed on another kind of device or in other number formats is never in one table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records.cells import CellResult, Environment, NetworkFacts
from bench.records.request import GRID
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers.frames import cell_frame
from bench.report.numbers.grid import grids
from tests.synthetic import comparison, tuned

CPU = Environment("3", device="cpu (x86_64, 2 threads)", precision="fp32")
MORE_THREADS = replace(CPU, device="cpu (x86_64, 64 threads)")
GPU = Environment("3", device="NVIDIA H100 80GB HBM3", precision="bf16 trained, tf32 frozen")
OTHER_GPU = replace(GPU, device="NVIDIA L4")
GPU_FP32 = replace(GPU, precision="fp32")
OLDER = Environment("3", device="cpu (x86_64, 2 threads)")  # before records said it


def measured(*places: Environment) -> Iterator[CellResult]:
    """Six cells, each with other figures, at each place in turn."""
    for number, place in enumerate(places):
        for one in comparison(2, 3):
            accuracy = {name: value - number / 10 for name, value in one.accuracy.items()}
            yield replace(one, key=f"{one.key} {number}", accuracy=accuracy, environment=place)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (CPU, GPU, ["(cpu, fp32)", "(NVIDIA H100 80GB HBM3, bf16 trained, tf32 frozen)"]),
        (GPU, GPU_FP32, ["(bf16 trained, tf32 frozen)", "(fp32)"]),
        (GPU, OTHER_GPU, ["(NVIDIA H100 80GB HBM3)", "(NVIDIA L4)"]),
        (replace(CPU, protocol="2"), CPU, ["(protocol 2)", "(protocol 3)"]),
        (CPU, replace(CPU, device=None), ["(cpu)", "(device unknown)"]),
    ],
)
def test_other_devices_and_formats_have_a_grid_and_a_name_of_their_own(
    first: Environment, second: Environment, names: list[str]
) -> None:
    found = grids(measured(first, second))
    assert [grid.backbone for grid in found] == [f"mobilenetv2_100 {name}" for name in names]
    for grid, number in zip(found, "01", strict=True):
        assert {cell.key[-1] for cells in grid.cells.values() for cell in cells} == {number}


@pytest.mark.parametrize("other", [MORE_THREADS, OLDER])
def test_threads_and_records_that_do_not_name_their_format_are_no_reason(other: Environment) -> None:
    (grid,) = grids(measured(CPU, other))
    assert grid.backbone == "mobilenetv2_100"


def test_what_was_asked_for_decides_nothing_beyond_what_was_computed_in() -> None:
    found = list(measured(CPU))
    asked = [replace(one, network=replace(one.network, precision=how)) for one in found for how in ("auto", "fp32")]
    assert [grid.backbone for grid in grids(asked)] == ["mobilenetv2_100"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"effort": "paper"}, ["(effort quick)", "(effort paper)"]),
        ({"augment": "light"}, ["(augment auto)", "(augment light)"]),
        ({"effort": "paper", "augment": "none"}, ["(effort quick, augment auto)", "(effort paper, augment none)"]),
    ],
)
def test_other_efforts_and_augmentations_have_a_grid_and_a_name_of_their_own(
    changes: dict[str, str], names: list[str]
) -> None:
    found = list(measured(CPU))
    both = grids([*found, *(replace(one, key=f"{one.key} more", **changes) for one in found)])  # type: ignore[arg-type]
    assert [grid.backbone for grid in both] == [f"mobilenetv2_100 {name}" for name in names]
    assert [len(grid.cells) for grid in both] == [6, 6]


def test_settings_that_no_fact_tells_apart_have_a_digest() -> None:
    found = [replace(one, network=NetworkFacts(resize=how)) for how in ("a", "b") for one in measured(CPU)]
    first, second = (grid.backbone for grid in grids(found))
    assert first != second and first.startswith("mobilenetv2_100 (setting ")


def test_the_report_says_it_in_every_title(tmp_path: Path) -> None:
    """Half of the methods ran on a CPU, the others on a GPU."""
    for at, one in enumerate(comparison(4, 3)):
        Store(tmp_path).append(replace(one, environment=CPU if at < 6 else GPU))
    report = write_report(tmp_path)
    told = ("backbone mobilenetv2_100 (cpu, fp32)", f"backbone mobilenetv2_100 ({GPU.device}, {GPU.precision})")
    for part, place in zip(report.summary.parts, told, strict=True):
        assert place in part.overview.title and len(part.overview.methods) == 2
    page = report.paths[0].read_text(encoding="utf-8")
    assert all(place in page for place in told)
    titles = [line for line in report.paths[1].read_text(encoding="utf-8").splitlines() if line.startswith("### ")]
    assert len(titles) >= 3 and all(any(place in title for place in told) for title in titles)
    assert {path.name for path in report.paths} >= {
        "demo_mobilenetv2_100-cpu-fp32_accuracy_by_task.png",
        "demo_mobilenetv2_100-NVIDIA-H100-80GB-HBM3-bf16-trained-tf32-frozen_accuracy_by_task.png",
    }


def test_the_frame_of_cells_has_both() -> None:
    frame = cell_frame(measured(CPU, GPU, OLDER))
    assert list(frame.groupby(["device", "precision"])["key"].nunique()) == [6, 6]


@pytest.mark.parametrize(("effort", "said"), [("quick", "quick recipes"), ("paper", "paper recipes, learning rate")])
def test_every_title_says_how_much_the_recipes_ask_for(tmp_path: Path, effort: str, said: str) -> None:
    """The page, Markdown, LaTeX, and what a terminal shows."""
    for one in tuned(["linear_probe", "lora"], 3, trials=4, sampler=GRID):
        told = replace(one, effort=effort) if effort == "paper" or one.stage != "final" else replace(one, tuning=None)
        Store(tmp_path).append(told)
    report = write_report(tmp_path)
    page, markdown, _, latex, *_ = (path.read_text(encoding="utf-8") for path in report.paths[:4])
    assert all(said in title for title in re.findall("<caption>(.*?)</caption>", page))
    titles = [line for line in markdown.splitlines() if line.startswith("### ")]
    assert titles and all(said in title for title in titles)
    captions = re.findall(r"\\caption\{(.*)", latex)
    assert captions and all(said in caption for caption in captions)
    assert all(said in part.overview.title for part in report.summary.parts)
