"""Which layers are chosen, and the path of penalties: what records say of them, and what the report draws of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from safetensors.torch import load_file

from bench.adapt.probe import widths
from bench.adapt.selection import unpack
from bench.records.cells import CellResult
from bench.report import write_report
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.units import clipped
from bench.report.plots.layers import MOST, by_layer, chosen, part
from bench.report.plots.penalties import MOST as PANELS
from bench.report.plots.penalties import by_penalty, fraction, path_of
from bench.report.plots.style import looks
from methods.head2toe import Head2Toe
from methods.head2toe_path import PATH, Head2ToePath
from methods.linear_probe import LinearProbe
from tests.methods.test_contract import backbone
from tests.runs.test_runner import run_these
from tests.synthetic import comparison, read_back, result, selecting


def grid_of(results: list[CellResult]) -> Grid:
    (grid,) = grids(results)
    return grid


def keeps(method: str, task: str, seed: int = 0, **taps: tuple[int, int]) -> CellResult:
    return result(method, f"demo/{task}", seed, kept=taps)


def shares(figure: Figure | None) -> list[np.ndarray]:
    """What each panel shows, (rows, taps)."""
    assert figure is not None
    return [np.ma.filled(axes.images[0].get_array(), np.nan) for axes in figure.axes if axes.images]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, CellResult]]:
    folder = tmp_path_factory.mktemp("chosen")
    made: dict[str, Any] = {
        "head2toe": partial(Head2Toe, target=64, steps=5),
        "head2toe_path": partial(Head2ToePath, target=64),
        "head2toe_path:penalty=None": partial(Head2ToePath, target=64, penalty=None),
        "linear_probe": LinearProbe,
    }
    session = run_these(made, folder)
    return folder, {one.method: one for one in session.store.results()}


def test_records_count_what_the_delta_keeps_of_each_tap(records: tuple[Path, Mapping[str, CellResult]]) -> None:
    folder, found = records
    sizes = widths(backbone(), 64)
    for method in ("head2toe", "head2toe_path", "head2toe_path:penalty=None"):
        told = chosen(found[method])
        assert told is not None
        assert [size for _, size in told.values()] == sizes
        assert list(told)[-2:] == ["embedding", "logits"]
        stored = load_file(folder / "deltas" / f"{found[method].key}.safetensors")
        columns = unpack(stored, sum(sizes))
        assert columns is not None
        ends = np.cumsum(sizes)
        kept = [int(((columns >= end - size) & (columns < end)).sum()) for size, end in zip(sizes, ends, strict=True)]
        assert [count for count, _ in told.values()] == kept
        assert sum(kept) == len(columns) == len(stored["weight"])
    assert found["linear_probe"].kept == {}


def test_a_path_is_recorded_with_what_was_chosen(records: tuple[Path, Mapping[str, CellResult]]) -> None:
    found = records[1]
    path = path_of(found["head2toe_path:penalty=None"])
    assert path is not None
    assert [point.penalty for point in path.points] == list(PATH)
    kept = [point.kept for point in path.points]
    assert 0 < kept[0] < kept[-1]
    best = max(max(point.own, point.refitted) for point in path.points)
    first = next(point for point in path.points if max(point.own, point.refitted) == best)
    assert path.chosen == (first.penalty, best)
    assert path_of(found["head2toe_path"]) is None and found["head2toe"].curves == {}


def test_the_report_draws_both_from_the_records(records: tuple[Path, Mapping[str, CellResult]]) -> None:
    report = write_report(records[0])
    names = {path.name for path in report.paths}
    assert {"demo_demo_chosen_by_layer.png", "demo_demo_accuracy_by_penalty.svg"} <= names
    page = report.paths[0].read_text(encoding="utf-8")
    assert "Which layers are chosen: " in page and "The path of penalties: " in page


def test_a_row_is_the_mean_over_seeds_of_the_share_of_each_tap() -> None:
    cells = [
        keeps("a", "x", 0, first=(1, 10), last=(3, 30)),
        keeps("a", "x", 1, first=(3, 10), last=(1, 30)),
        keeps("a", "y", 0, first=(0, 10), last=(7, 30)),
        keeps("b", "y", 0, first=(5, 20), last=(5, 20)),
        result("linear_probe", "demo/z"),
    ]
    figure = by_layer(grid_of(cells))
    one, other = shares(figure)
    np.testing.assert_allclose(one, [[25, 75], [50, 50], [0, 100], [25, 75]])
    np.testing.assert_allclose(other, [[50, 50], [np.nan, np.nan], [50, 50], [np.nan, np.nan]])
    assert figure is not None
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "drawn at random", "x", "y", "mean of 2 tasks",
    ]  # fmt: skip
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["a: 4 to 7 features kept", "b: 10 features kept"]


def test_one_task_has_no_mean() -> None:
    (rows,) = shares(by_layer(grid_of([keeps("a", "x", first=(1, 10), last=(3, 10))])))
    np.testing.assert_allclose(rows, [[50, 50], [25, 75]])


def test_nothing_is_drawn_of_records_without() -> None:
    grid = grid_of(comparison(5, 3))
    assert by_layer(grid) is None and by_penalty(grid, looks(grid.methods)) is None


@pytest.mark.parametrize("told", [{}, {"a": (3, 2)}, {"a": (-1, 2), "b": (2, 2)}, {"a": (0, 2)}])
def test_damaged_counts_are_passed_over(told: Mapping[str, tuple[int, int]]) -> None:
    damaged = result("a", "demo/x", kept=told)
    assert chosen(damaged) is None
    (rows,) = shares(by_layer(grid_of([damaged, keeps("a", "y", first=(1, 2), last=(1, 2))])))
    assert rows.shape == (2, 2)


@pytest.mark.parametrize(
    "told",
    [
        None, 7, "text", [], {"a": 3}, {"a": [1]}, {"a": [1, 2, 3]}, {"a": ["1", 2]}, {"a": [True, 2]},
        {"a": [0.5, 2]}, {"a": None},
    ],
)  # fmt: skip
def test_a_record_whose_counts_are_none_is_not_read(told: object, tmp_path: Path) -> None:
    assert read_back(tmp_path, [result("a", "demo/x")], kept=told) == []


def test_records_with_other_taps_are_passed_over() -> None:
    cells = [*(keeps("a", task, old=(1, 2), last=(1, 2)) for task in "xy"), keeps("b", "z", new=(1, 2))]
    (rows,) = shares(by_layer(grid_of(cells)))
    assert rows.shape == (4, 2) and not np.isnan(rows).any()


def test_long_names_are_cut() -> None:
    assert (
        clipped("short", 9) == "short"
        and clipped("quite_a_long_name", 9) == "quite_a_…"
        and clipped("x" * 30, 9)[8:] == "x…"
    )


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"path/penalty": [(1, 0.5), (3, -1.0)]},
        {f"path/{name}": [(1, 0.5), (2, 0.25)] for name in ("penalty", "kept", "own", "refitted")},
    ],
)
def test_damaged_and_short_paths_are_passed_over(curves: Any) -> None:
    grid = grid_of([result("a", "demo/x", curves=curves)])
    assert path_of(grid.cells["a", "demo/x"][0]) is None
    assert by_penalty(grid, looks(grid.methods)) is None


@pytest.mark.parametrize(
    "curves", [None, 3, {"path/penalty": 1}, {"path/penalty": [1, 2, 3]}, {"path/penalty": [(1, 0.5), (2, None)]}]
)
def test_a_record_whose_curves_are_none_is_not_read(curves: object, tmp_path: Path) -> None:
    assert read_back(tmp_path, [result("a", "demo/x")], curves=curves) == []


def test_a_path_reads_the_same_from_a_file_and_may_lack_its_choice(tmp_path: Path) -> None:
    (whole,) = selecting([result("a", "demo/x")])
    (read,) = read_back(tmp_path, [whole])
    assert path_of(read) == path_of(whole)
    path = path_of(replace(whole, curves={**whole.curves, "path/chosen": []}))
    assert path is not None and path.chosen is None


def test_many_tasks_and_methods_say_what_is_left_out() -> None:
    grid = grid_of(selecting(comparison(MOST + 1, 24, 3)))
    layers, path = by_layer(grid), by_penalty(grid, looks(grid.methods))
    assert layers is not None and path is not None
    assert len(shares(layers)) == MOST and shares(layers)[0].shape == (26, 54)
    assert f"the first {MOST} of {MOST + 1} methods that select" in " ".join(layers.texts[-1].get_text().split())
    assert len(path.axes) == PANELS
    assert f"not drawn: {24 * (MOST + 1) - PANELS} paths more" in " ".join(path.texts[-1].get_text().split())
    assert max(*layers.get_size_inches(), *path.get_size_inches()) < 13


def test_taps_are_named_by_their_part_of_the_network() -> None:
    names = {
        "bn1": "bn1", "layer1.0.act2": "layer1", "blocks.10.mlp.act": "blocks.10", "patch_embed": "patch_embed",
        "stages.0.blocks.2.mlp.act": "stages.0", "features.denseblock1.denselayer12.norm2": "features.denseblock1",
    }  # fmt: skip
    assert {name: part(name) for name in names} == names


def test_penalties_are_written_short() -> None:
    assert [fraction(value) for value in (1 / 8, 1 / 256, 0.05, 0.3, 4e-4)] == ["1/8", "1/256", "1/20", "0.3", "0.0004"]


def test_a_point_of_a_curve_costs_nothing() -> None:
    from bench.costs.meter import Meter

    meter = Meter(torch.device("cpu"))
    meter.point("path/kept", 1, 30)
    meter.stop()
    assert meter.curves == {"path/kept": [(1, 30)]} and meter.flops == 0 and meter.seconds == 0
