"""The report under shift and by affinity: effective robustness, its table and sentences, and both plots."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from bench.records.cells import CellResult
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.shifts import drop, expit, fitted, logit, mean_robustness, robustness, shift_score, shifts
from bench.report.plots.affinity import gained, published
from bench.report.plots.shift import APART, ticks
from bench.report.tables.shifts import robustness_table, shift_table
from bench.report.tables.table import Table
from bench.report.words.findings import sentences
from tests.synthetic import METHODS, comparison, result

PHOTO = "ood/pacs/photo"


def run(accuracies: Mapping[str, Mapping[str, float]], task: str = PHOTO) -> list[CellResult]:
    return [result(method, task, accuracy=found, group="pacs") for method, found in accuracies.items()]


def grid_of(accuracies: Mapping[str, Mapping[str, float]], task: str = PHOTO) -> Grid:
    (grid,) = grids(run(accuracies, task))
    return grid


def on_a_line(inside: float) -> float:
    """Accuracy under shift as a line between logits has it."""
    return expit(0.5 * logit(inside) - 1)


def rows(table: Table | None) -> dict[str, list[str]]:
    assert table is not None
    labels = [label for _, label in table.text.index]
    return dict(zip(labels, table.text.to_numpy().tolist(), strict=True))


THREE = {name: {"test": at, "ood/sketch": on_a_line(at)} for name, at in (("a", 0.6), ("b", 0.8), ("c", 0.95))}


def test_a_method_on_the_line_has_no_effective_robustness() -> None:
    line = fitted([(found["test"], found["ood/sketch"]) for found in THREE.values()])
    assert line is not None
    assert line.slope == pytest.approx(0.5) and line.offset == pytest.approx(-1)
    found = robustness(grid_of(THREE), PHOTO, ("ood/sketch",))
    assert found == pytest.approx({"a": 0, "b": 0, "c": 0}, abs=1e-12)


def test_effective_robustness_is_what_accuracy_in_distribution_does_not_predict() -> None:
    above = {**THREE, "d": {"test": 0.8, "ood/sketch": on_a_line(0.8) + 0.2}}
    found = robustness(grid_of(above), PHOTO, ("ood/sketch",))
    assert max(found, key=found.__getitem__) == "d" and 0.1 < found["d"] < 0.2
    table = robustness_table(grid_of(above))
    assert table is not None and "Taori et al. 2020" in table.note
    assert rows(table)["sketch"][3].startswith("+1")
    (told,) = (s for s in sentences(grid_of(above)) if "predicts is highest for d: +1" in s)
    assert told.startswith("Accuracy under shift minus what accuracy in distribution predicts is")
    assert told.endswith("1 shift is too few to test whether that is chance.")


@pytest.mark.parametrize(("spread", "verb"), [(0.0, "differ"), (0.2, "do not differ")])
def test_robustness_is_called_higher_only_where_a_test_over_the_shifts_says_so(spread: float, verb: str) -> None:
    methods = {**THREE, "d": {"test": 0.8}}
    found = {
        name: {"test": of["test"]}
        | {
            f"ood/shift{at}": on_a_line(of["test"]) + ((0.1 + at / 1000 + spread * (-1) ** at) if name == "d" else 0)
            for at in range(12)
        }
        for name, of in methods.items()
    }
    (told,) = (s for s in sentences(grid_of(found)) if "predicts is highest for d: " in s)
    assert f"Over the 12 shifts the two {verb} significantly (Wilcoxon, corrected by Holm for 6 pairs)." in told


@pytest.mark.parametrize(
    "accuracies",
    [
        {name: THREE[name] for name in "ab"},
        {name: {"test": 0.9 + at / 1000, "ood/sketch": 0.5} for at, name in enumerate("abcd")},
        {**{name: THREE[name] for name in "ab"}, "c": {"test": 0.9}},
    ],
)
def test_where_nothing_predicts_it_a_sentence_says_so(accuracies: Mapping[str, Mapping[str, float]]) -> None:
    grid = grid_of(accuracies)
    assert robustness_table(grid) is None and mean_robustness(grid, PHOTO) == {}
    told = "Effective robustness is not computed on photo: it takes 3 methods with all figures, whose"
    assert any(sentence.startswith(told) for sentence in sentences(grid))


def test_the_csv_has_it_for_every_shifted_test_set(tmp_path: Path) -> None:
    for cell in run({**THREE, "d": {"test": 0.8, "ood/sketch": on_a_line(0.8) + 0.2}}):
        Store(tmp_path).append(cell)
    path = next(path for path in write_report(tmp_path).paths if path.suffix == ".csv")
    with path.open(newline="", encoding="utf-8") as file:
        found = {(row["method"], row["test_set"]): row["effective_robustness"] for row in csv.DictReader(file)}
    assert found["d", "test"] == "" and 0.1 < float(found["d", "ood/sketch"]) < 0.2


def test_perfect_and_hopeless_methods_are_fitted_too() -> None:
    line = fitted([(1.0, 1.0), (0.0, 0.0), (0.5, 0.5)])
    assert line is not None and line(0.5) == pytest.approx(0.5)
    assert math.isfinite(logit(0.0)) and math.isfinite(logit(1.0))


def test_a_shift_of_many_test_sets_counts_once() -> None:
    many = {f"ood/cifar10c/{kind}/{level}": 0.1 * level for kind in ("fog", "snow") for level in (1, 2, 3)}
    grid = grid_of({"a": {"test": 0.9, "ood/stl10": 0.8, **many}}, "ood/cifar10")
    assert list(shifts(grid, "ood/cifar10")) == ["stl10", "cifar10c"]
    score = shift_score(grid, "a", "ood/cifar10", tuple(many))
    assert score is not None and score.mean == pytest.approx(0.2) and score.std is None
    assert drop(grid, "a", "ood/cifar10") == pytest.approx((0.8 + 0.2) / 2 - 0.9)
    shown = rows(shift_table(grid))
    assert shown["cifar10c"] == ["20.0"] and shown["fog/*"] == ["20.0"] and shown["*/3"] == ["30.0"]
    assert shown["mean change over 2 shifts"] == ["−40.0"]


def test_a_missing_part_is_not_averaged_over() -> None:
    full = {"test": 0.9, "ood/c/fog/1": 0.5, "ood/c/fog/2": 0.3}
    grid = grid_of({"a": full, "b": {"test": 0.9, "ood/c/fog/1": 0.5}}, "ood/c10")
    assert shift_score(grid, "b", "ood/c10", shifts(grid, "ood/c10")["c"]) is None
    assert drop(grid, "b", "ood/c10") is None
    assert rows(shift_table(grid))["c"] == ["40.0", "–"]


def test_a_shift_of_fewer_classes_is_compared_over_these_alone() -> None:
    found = {"test": 0.7, "ood/v2": 0.6, "id/r": 0.9, "ood/r": 0.5}
    grid = grid_of({"a": found, "b": dict.fromkeys(found, 0.5)}, "ood/imagenet")
    assert drop(grid, "a", "ood/imagenet") == pytest.approx(((0.6 - 0.7) + (0.5 - 0.9)) / 2)
    assert list(shifts(grid, "ood/imagenet")) == ["v2", "r"]
    assert rows(shift_table(grid))["in distribution, as r"] == ["90.0", "50.0"]


def test_each_task_with_shifts_has_a_plot(tmp_path: Path) -> None:
    more = {name: {**found, "ood/art": 0.5, "ood/x/y/1": 0.4} for name, found in THREE.items()}
    for cell in [*run(THREE), *run(more, "ood/pacs/sketch"), *run(more, "ood/domainnet/sketch")]:
        Store(tmp_path).append(cell)
    names = sorted(path.name for path in write_report(tmp_path).paths if "by_shift" in path.name)
    stem = "ood_mobilenetv2_100_accuracy_by_shift"
    wanted = [f"{stem}_{task}" for task in ("domainnet-sketch", "pacs-sketch", "photo")]
    assert names == [f"{name}.{kind}" for name in wanted for kind in ("png", "svg")]
    before = {path: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    write_report(tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / "report").iterdir()} == before


@pytest.mark.parametrize("width", [0.7, 1.0, 2.0, 5.0, 10.0])
def test_logit_axes_have_a_few_ticks_that_do_not_touch(width: float) -> None:
    for middle in (-2.0, 0.0, 1.5, 3.0):
        at, texts = ticks(middle - width / 2, middle + width / 2)
        assert 2 <= len(at) <= 8 and at == sorted(at)
        assert all(0 < float(text) < 100 for text in texts)
        assert all(second - first >= APART * width - 1e-9 for first, second in pairwise(at))


def test_gains_are_plotted_where_affinity_is_known(tmp_path: Path) -> None:
    (grid,) = grids(comparison(5, 4))
    assert {gain.method for gain in gained(grid)} == set(METHODS[:5]) - {"linear_probe", "scratch"}
    assert len(gained(grid)) == 3 * 4
    assert gained(grids(comparison(4, 4))[0]) == []
    for cell in comparison(5, 4):
        Store(tmp_path).append(cell)
    stale = tmp_path / "report" / "old_gain_by_affinity.png"
    stale.parent.mkdir()
    stale.write_bytes(b"old")
    names = {path.name for path in write_report(tmp_path).paths}
    assert {f"demo_mobilenetv2_100_gain_by_affinity.{kind}" for kind in ("png", "svg")} <= names
    assert not stale.exists()


def test_one_task_has_no_plot_against_affinity_and_scratch_is_not_called_robust(tmp_path: Path) -> None:
    found = {"linear_probe": 0.9, "lora": 0.8, "scratch": 0.3}
    for cell in run({name: {"test": at, "ood/sketch": 0.3} for name, at in found.items()}):
        Store(tmp_path).append(cell)
    report = write_report(tmp_path)
    assert not any("by_affinity" in path.name for path in report.paths)
    told = report.paths[1].read_text(encoding="utf-8")
    assert "lora loses least among the pretrained methods: its accuracy changes by −50.0 points" in told


def test_the_published_points_underlie_their_own_tasks_alone() -> None:
    points = published("vtab1k")
    assert len(points) == 19 and published("demo") == []
    assert sum(gain for _, gain in points) / 19 == pytest.approx(8.5, abs=0.1)
