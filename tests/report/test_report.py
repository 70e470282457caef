"""The report: grid, tables, sentences, failures, plots, and the files they are written to."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.records.cells import CellResult, Cost, NetworkFacts
from bench.records.store import Store
from bench.report import write_report
from bench.report.document import chapter, summary
from bench.report.drawn import NOTE, Report
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.units import duration, folded, listed, percent, points, prefixed, ratio
from bench.report.plots.labels import overlaps, place
from bench.report.plots.scales import Mark, round_values
from bench.report.plots.style import looks
from bench.report.plots.tradeoff import COSTS as AXES
from bench.report.plots.tradeoff import pareto, points_of
from bench.report.summary import LINES, Summary
from bench.report.tables.as_markdown import as_markdown
from bench.report.tables.main import main_table
from bench.report.tables.published import Versus
from bench.report.tables.shifts import shift_table
from bench.report.tables.table import Table
from bench.report.words.failures import failures
from bench.report.words.findings import sentences
from bench.spec import UserError
from tests.synthetic import METHODS, comparison, result


def written(folder: Path, results: Sequence[CellResult]) -> Report:
    for one in results:
        Store(folder).append(one)
    return write_report(folder)


def shown(made: Summary, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(made)
    return out.getvalue()


def alone(found: Sequence[Grid], lines: Sequence[str] = ()) -> Summary:
    """What a terminal shows of these grids, without numbers of others."""
    return summary(list(map(chapter, found)), [], Versus((), ()), lines)


def accuracies(values: dict[tuple[str, str], float | None]) -> Grid:
    """The grid of {(method, task): accuracy, or None where the cell failed}; a task is named `group/name`."""
    found = []
    for (method, task), value in values.items():
        group = task.split("/")[0]
        made = result(method, f"demo/{task}", group=group, accuracy={} if value is None else {"test": value})
        found.append(made if value is not None else replace(made, status="failed", reason="out of memory"))
    (grid,) = grids(found)
    return grid


def table_rows(grid: Grid) -> dict[str, list[str]]:
    return texts(main_table(grid))


def texts(table: Table | None) -> dict[str, list[str]]:
    assert table is not None
    labels = [label for _, label in table.text.index]
    return dict(zip(labels, table.text.to_numpy().tolist(), strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0, "0 B"), (999.6, "1 kB"), (340_000, "340 kB"), (1.234e9, "1.23 GB")],
)
def test_amounts_are_written_with_a_prefix(value: float | None, text: str) -> None:
    assert prefixed(value, "B") == text


def test_figures_are_written_for_people() -> None:
    assert [duration(s) for s in (None, 0.84, 12.3, 250, 5400)] == ["–", "0.8 s", "12 s", "4.2 min", "90.0 min"]
    assert [percent(None), percent(0.9184), percent(0.9184, 0.004)] == ["–", "91.8", "91.8 ± 0.4"]
    assert [points(None), points(0.085), points(-0.0031), points(-0.0001)] == ["–", "+8.5", "−0.3", "+0.0"]
    assert [ratio(v) for v in (1 / 12345, 0.2, 0.94, 3.21, 1234)] == ["1/12,000", "1/5", "94 %", "3.2x", "1,200x"]
    assert (
        listed(["a"]) == "a"
        and listed(["a", "b", "c"]) == "a, b and c"
        and listed(list("abcd"), 2) == "a, b and 2 more"
    )


def test_both_means_are_named_and_right() -> None:
    values = {("a", "natural/x"): 0.5, ("a", "natural/y"): 0.7, ("a", "structured/z"): 0.9}
    rows = table_rows(accuracies({**values, **{("b", task): value + 0.01 for (_, task), value in values.items()}}))
    assert rows["mean of 3 tasks"] == ["70.0", "71.0"]
    assert rows["mean of 2 groups"] == ["75.0", "76.0"]
    assert rows["natural, 2 tasks"] == ["60.0", "61.0"]


def test_groups_come_in_the_order_of_vtab() -> None:
    (grid,) = grids(comparison(2, 7))
    assert list(grid.by_group(grid.tasks)) == ["natural", "specialized", "structured"]


def test_means_are_over_common_tasks_and_say_so() -> None:
    grid = accuracies({("a", "g/x"): 0.5, ("a", "g/y"): 0.7, ("b", "g/x"): 0.6, ("b", "g/y"): None})
    rows = table_rows(grid)
    assert rows["y"] == ["70.0", "–"]
    assert rows["mean of 1 task"] == ["50.0", "60.0"]
    assert "the 1 task that all methods finished" in main_table(grid).note
    assert any("not all methods finished y, so it is in no mean" in sentence for sentence in sentences(grid))


def test_no_common_task_gives_no_mean() -> None:
    grid = accuracies({("a", "g/x"): 0.5, ("a", "g/y"): None, ("b", "g/x"): None, ("b", "g/y"): 0.6})
    assert table_rows(grid)["training FLOPs"] == ["–", "–"]
    assert table_rows(grid)["mean of 0 tasks"] == ["–", "–"]
    assert "no task was finished by all methods" in main_table(grid).note


def test_a_method_that_finished_nothing_stays_visible_and_out_of_the_means() -> None:
    grid = accuracies({("a", "g/x"): 0.5, ("b", "g/x"): None})
    assert table_rows(grid)["x"] == ["50.0", "–"]
    assert table_rows(grid)["mean of 1 task"] == ["50.0", "–"]
    assert "b finished no task and is in no mean." in list(sentences(grid))


def test_a_missing_cost_is_never_averaged() -> None:
    one, two = (result(task=f"demo/{name}") for name in "xy")
    (grid,) = grids([one, replace(two, cost=replace(two.cost, train_flops=None))])
    assert grid.cost("linear_probe", "train_flops") is None
    assert grid.cost("linear_probe", "stored_bytes") == 5200
    assert table_rows(grid)["training FLOPs"] == ["–"]


def test_seeds_are_averaged_with_their_deviation() -> None:
    found = [result(seed=seed, accuracy={"test": value}) for seed, value in enumerate((0.8, 0.9))]
    (grid,) = grids(found)
    assert table_rows(grid)["digits"] == ["85.0 ± 7.1"]
    assert table_rows(grid)["mean of 1 task"] == ["85.0 ± 7.1"]
    (grid,) = grids([*found, result("lora")])
    assert any("fewer than 2 seeds: lora on 1 task" in sentence for sentence in sentences(grid))


def test_backbones_of_one_name_are_never_compared_under_two_settings() -> None:
    """Another image size or other weights make another table, and its title says which."""
    small, large = (NetworkFacts(image_size=size) for size in (32, 48))
    found = grids([result(network=small), result("lora", network=small), result(network=large)])
    assert [grid.methods for grid in found] == [("linear_probe", "lora"), ("linear_probe",)]
    told = [f"mobilenetv2_100 ({size} px" for size in (32, 48)]
    assert all(grid.backbone.startswith(name) for grid, name in zip(found, told, strict=True))


def test_of_two_records_of_a_cell_the_newest_counts() -> None:
    old = result(accuracy={"test": 0.1}, key="old", started="2026-01-01")
    failed = result(status="failed", key="newer", started="2026-02-01")
    (grid,) = grids([result(), old, failed])
    assert table_rows(grid)["digits"] == ["80.0"]
    assert failures([result(), old, failed]) == []


def test_trials_are_not_reported() -> None:
    assert grids([result(stage="trial")]) == []


def test_suites_and_backbones_are_apart() -> None:
    found = grids(
        [result(), result(task="vtab1k/natural/dtd"), result(backbone="resnet50"), result(task="folder:/a/b")]
    )
    places = [(grid.suite, grid.backbone) for grid in found]
    assert places == [
        ("demo", "mobilenetv2_100"), ("vtab1k", "mobilenetv2_100"), ("demo", "resnet50"), ("folder", "mobilenetv2_100"),
    ]  # fmt: skip


def test_best_is_bold_and_ties_share_it() -> None:
    text = as_markdown(main_table(accuracies({("a", "g/x"): 0.5001, ("b", "g/x"): 0.5002, ("c", "g/x"): 0.4})))
    assert "| g | x | **50.0** | **50.0** | 40.0 |" in text


def test_affinity_is_a_column_and_a_sentence() -> None:
    values = {
        ("linear_probe", "g/x"): 0.9,
        ("scratch", "g/x"): 0.4,
        ("linear_probe", "g/y"): 0.5,
        ("scratch", "g/y"): 0.48,
    }
    values |= {("head2toe", "g/x"): 0.91, ("head2toe", "g/y"): 0.7}
    grid = accuracies(dict(values))
    assert table_rows(grid)["x"][-1] == "+50.0"
    told = " ".join(sentences(grid))
    assert "Domain affinity (linear_probe minus scratch) is +26.0 points on 2 tasks on average" in told
    assert (
        "head2toe minus linear_probe, in points (tasks): +10.5 on g (2). By domain affinity: +20.0 on 1 task under 10"
        in told
    )


def test_sentences_tell_costs_against_fine_tuning() -> None:
    cheap = result("head2toe", cost=Cost(10**7, stored_bytes=1000))
    dear = result("fine_tune", cost=Cost(12 * 10**8, stored_bytes=10**6), accuracy={"test": 0.805})
    told = " ".join(sentences(grids([cheap, dear])[0]))
    assert "Of fine_tune's training FLOPs (1.2 GFLOP a task): head2toe 1/120." in told
    assert "Of these, head2toe has the fewest stored bytes: 1 kB a task (the most: 1 MB)" in told


def test_a_lone_method_says_nothing_it_cannot() -> None:
    assert list(sentences(grids([result("whatever", cost=Cost())])[0])) == []


def test_shift_has_a_table_of_its_own() -> None:
    found = {"test": 0.9, "ood/noisy": 0.7, "ood/sketch": 0.6}
    (grid,) = grids([result(accuracy=found), result("lora", accuracy={**found, "ood/noisy": 0.8}), result("knn")])
    rows = texts(shift_table(grid))
    assert grid.methods == ("linear_probe", "knn", "lora")
    assert rows["in distribution"] == ["90.0", "80.0", "90.0"]
    assert rows["noisy"] == ["70.0", "–", "80.0"]
    assert rows["mean change over 2 shifts"] == ["−25.0", "–", "−20.0"]
    assert shift_table(grids([result()])[0]) is None


def test_failures_are_listed_once_for_equal_reasons() -> None:
    found = [
        replace(result("lora", f"demo/{task}", seed), status="failed", reason="no images")
        for task in "xy"
        for seed in (0, 1)
    ]
    assert failures(found) == ["failed: lora on demo/x, demo/y (4 cells): no images"]


def test_what_has_no_place_in_the_backbone_is_one_line_and_a_row_of_dashes() -> None:
    def left_out(method: str, task: str) -> CellResult:
        return result(method, task, status="skipped", reason=f"{method} needs tokens", accuracy={}, cost=Cost())

    tasks = ["demo/x", "demo/y"]
    found = [left_out(method, task) for task in (*tasks, "demo/z") for method in ("vpt_deep", "vqt")]
    found += [result("linear_probe", task) for task in tasks]
    (grid,) = grids(found)
    assert failures(found) == ["left out: vpt_deep, vqt (need tokens)"]
    assert table_rows(grid)["x"] == ["–", "80.0", "–"] == table_rows(grid)["mean of 2 tasks"]
    assert table_rows(grid)["stored bytes"] == ["–", "5.2 kB", "–"]
    assert grid.unfinished == ()  # z was not tried, though what is left out is settled there
    assert "left out: vpt_deep, vqt (need tokens)" in shown(alone([grid], failures(found)), 80)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("methods", "tasks"), [(2, 7), (7, 24), (12, 24), (30, 19)])
def test_what_is_printed_fits_a_screen(width: int, methods: int, tasks: int) -> None:
    names = METHODS[:methods] if methods <= len(METHODS) else [f"method_number_{at}" for at in range(methods)]
    (grid,) = grids(comparison(names, tasks, 3))
    text = shown(alone([grid], ["failed: lora on demo/x: " + "no memory, " * 50]), width)
    assert len(text.splitlines()) <= LINES == 34
    assert max(map(len, text.splitlines())) <= width
    rows = texts(main_table(grid))
    means = dict(zip(grid.methods, rows[f"mean of {tasks} tasks"], strict=False))  # a last column is the affinity
    lines = {line.split()[0]: line for line in reversed(text.splitlines()) if line.strip()}  # the table comes first
    best = sorted(grid.methods, key=lambda name: -float(means[name].split()[0]))
    listed = [name for name in best if name in lines]
    assert listed == best[: len(listed)] and len(listed) >= min(methods, 10)
    assert (f"and {methods - len(listed)} more methods, in the report" in text) == (len(listed) < methods)
    for name in listed:
        at = grid.methods.index(name)
        wanted = [rows[row][at] for row in rows if row in ("natural, 8 tasks", "training FLOPs", "stored bytes")]
        assert means[name] in lines[name] and all(figure.split(" ±")[0] in lines[name] for figure in wanted)


def test_without_a_common_task_the_screen_has_the_tasks() -> None:
    text = shown(alone([accuracies({("a", "g/x"): 0.5, ("b", "g/y"): 0.6})]), 80)
    assert "mean of" not in text.splitlines()[2] and "means and costs" not in text
    assert [line.split() for line in text.splitlines()[2:6] if "─" not in line] == [
        ["x", "y"],
        ["a", "50.0", "–"],
        ["b", "–", "60.0"],
    ]


def test_long_names_go_on_in_the_next_line_and_leave_room_for_the_groups() -> None:
    names = [f"head2toe_path:penalty={at},ranking_l2=0.001,keep=2" for at in (0.1, 0.2)]
    text = shown(alone(grids(comparison(names, 9))), 80)
    lines = [line.strip() for line in text.splitlines()]
    assert "specialized" in text and lines.count("head2toe_path:") == 2
    assert sum(line.startswith("l2=0.001,keep=2 ") for line in lines) == 2


def test_a_crowded_screen_still_has_the_leaders_of_three_suites() -> None:
    found = [grid for suite in "abcde" for grid in grids(comparison(12, 24, 2, suite=suite))]
    crowded = alone(found, [f"failed: cell {at}" for at in range(40)])
    for width in (80, 200):
        text = shown(crowded, width)
        assert len(text.splitlines()) <= LINES and max(map(len, text.splitlines())) <= width
        assert all(f"%: {suite} suite" in text for suite in "abc") and text.count("more methods, in the report") == 3
        assert "more, in the report" in text


def test_long_names_are_broken_at_underscores() -> None:
    assert folded("head2toe_backbone_ft") == ["head2toe_", "backbone_", "ft"]
    assert folded("x" * 20, 9) == ["x" * 9, "x" * 9, "xx"]


def test_names_never_overlap_up_to_twelve_methods() -> None:
    dice = np.random.default_rng(0)
    frame = np.array([0.0, 0.0, 700.0, 450.0])
    for spread in (300.0, 60.0, 5.0):
        at = [(350 + spread * x, 225 + 0.5 * spread * y) for x, y in dice.uniform(-1, 1, (12, 2))]
        boxes = place(at, [(130.0, 12.0)] * 12, frame, [[(0.0, 225.0), (700.0, 225.0)]], radius=5.0)
        shared = overlaps(boxes, boxes)
        np.fill_diagonal(shared, 0.0)
        assert shared.max() == 0.0
        assert (boxes[:, :2] >= frame[:2]).all() and (boxes[:, 2:] <= frame[2:]).all()


def test_the_front_is_what_no_method_beats() -> None:
    marks = [Mark("a", 1, 50), Mark("b", 2, 40), Mark("c", 2, 60), Mark("d", 3, 60)]
    assert pareto(marks, 10) == [(1, 50), (2, 50), (2, 60), (10, 60)]


@pytest.mark.parametrize("span", [0.5, 0.9, 1.3, 2.0, 3.5, 8.0, 14.0])
def test_an_axis_has_a_handful_of_round_ticks(span: float) -> None:
    for low in np.linspace(3, 4, 21):
        assert 2 <= len(round_values(float(low), float(low) + span)) <= 8


def test_methods_look_different() -> None:
    assert len(set(looks([str(number) for number in range(100)]).values())) == 100


def test_points_without_a_figure_are_not_drawn_and_zero_is() -> None:
    found = [result("a", cost=Cost(0)), result("b", cost=Cost(None)), result("c", cost=Cost(5))]
    (grid,) = grids(found)
    assert [mark.method for mark in points_of(grid, AXES[0])] == ["a", "c"]


def test_all_files_are_written_over_old_ones(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    stale = tmp_path / "report" / "demo_other_accuracy_by_task.png"
    stale.write_bytes(b"old")
    report = written(tmp_path, comparison(3, 4, 2))
    assert not stale.exists()
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(
        [NOTE, *(p.name for p in report.paths)]
    )
    assert report.paths[0].name == "report.html"
    assert {path.suffix for path in report.paths} == {".html", ".md", ".csv", ".tex", ".toml", ".png", ".svg"}
    assert all(path.stat().st_size > 100 for path in report.paths)
    before = {path: path.read_bytes() for path in report.paths}
    assert {
        path: path.read_bytes() for path in write_report(tmp_path, anew=True).paths
    } == before  # equal numbers, equal files


def test_the_csv_holds_unrounded_figures(tmp_path: Path) -> None:
    written(tmp_path, [result(accuracy={"test": 1 / 3}, cost=Cost(7, train_seconds=0.25))])
    with (tmp_path / "report" / "table.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["suite"], row["task"], row["test_set"], row["seeds"]) == ("demo", "demo/digits", "test", "1")
    assert float(row["accuracy_mean"]) == 1 / 3
    assert (row["accuracy_std"], row["train_flops"], row["stored_bytes"], row["train_seconds"]) == (
        "",
        "7.0",
        "",
        "0.25",
    )


@pytest.mark.parametrize("cost", [Cost(), Cost(0, stored_bytes=0), Cost(stored_bytes=3)])
def test_strange_costs_are_plotted_without_trouble(tmp_path: Path, cost: Cost) -> None:
    found = [result("a", cost=cost), result("b")]
    lines = "".join(f"{json.dumps(asdict(one))}\n" for one in found)
    (tmp_path / "cells.jsonl").write_text(lines, encoding="utf-8")
    paths = [path.name for path in write_report(tmp_path).paths]
    assert "report.html" in paths and "demo_mobilenetv2_100_accuracy_by_task.svg" in paths


def test_odd_names_are_plotted_and_told_apart(tmp_path: Path) -> None:
    backbones = ["timm/res net$50_a^b", "timm/res net$50_a&b"]
    found = [result("m_" * 25 + "$x^2", key=name, backbone=name, task="demo/a|b$c") for name in backbones]
    report = written(tmp_path, found)
    drawn = [path.name for path in report.paths if path.suffix == ".svg"]
    assert len(drawn) == len(set(drawn)) and len([name for name in drawn if name.endswith("by_bytes.svg")]) == 3
    assert "demo_backbones_accuracy_by_bytes.svg" in drawn  # both side by side
    assert "a\\|b$c" in (tmp_path / "report" / "table.md").read_text(encoding="utf-8")


def test_failures_alone_make_a_report_without_plots(tmp_path: Path) -> None:
    report = written(tmp_path, [result(status="failed", reason="no images", accuracy={})])
    assert not [path for path in report.paths if path.suffix in (".png", ".svg")]
    assert "failed: linear_probe on demo/digits: no images" in shown(report, 80)
    assert all("no images" in (tmp_path / "report" / name).read_text() for name in ("report.html", "table.md"))


def test_an_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no results in .*; run `python run_bench.py"):
        write_report(tmp_path)


def test_importing_the_report_is_light() -> None:
    code = (
        "import sys, bench.report; "
        "print({'matplotlib', 'pandas', 'torch', 'timm', 'mlflow', 'optuna', 'methods', 'tasks'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
