"""Records as pandas frames: what a notebook works with."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd
import pytest

from bench.records.cells import Cost, Environment
from bench.report.numbers.frames import CELLS, TRIALS, cell_frame, figure_frame, trial_frame
from bench.report.numbers.grid import grids
from bench.report.tables.main import main_table
from tests.synthetic import comparison, counted, result, tuned


def test_a_row_is_a_cell_and_a_test_set() -> None:
    found = [result(seed=seed, accuracy={"test": 0.8, "ood/noisy": 0.5}) for seed in (0, 1)]
    frame = cell_frame(counted([*found, result("lora", params={"rank": 4})], 500))
    assert list(frame.columns) == [*CELLS, "params.lr", "params.rank", "params.steps", "key"]
    assert list(frame["test_set"]) == ["test", "ood/noisy"] * 2 + ["test", "val"]
    first = frame.iloc[0]
    assert (first["suite"], first["task"], first["seed"], first["accuracy"]) == ("demo", "demo/digits", 0, 0.8)
    assert first["params.lr"] == 0.01 and pd.isna(first["params.rank"]) and first["test_images"] == 500
    assert all(first[name] == value for name, value in asdict(result().cost).items() if value is not None)
    means = frame[frame["test_set"] == "test"].groupby("method")["accuracy"].mean()
    assert means.to_dict() == {"linear_probe": 0.8, "lora": 0.8}


def test_a_cell_without_a_figure_keeps_its_cost_and_reason() -> None:
    failed = replace(result(cost=Cost(spent_seconds=3.0)), status="failed", reason="out of memory", accuracy={})
    (row,) = cell_frame([failed]).to_dict("records")
    assert (row["status"], row["reason"], row["spent_seconds"]) == ("failed", "out of memory", 3.0)
    assert pd.isna(row["test_set"]) and pd.isna(row["accuracy"])


def test_of_two_records_of_a_cell_the_newest_is_in_the_frame() -> None:
    old = result(accuracy={"test": 0.1}, key="old", started="2020-01-01")
    assert list(cell_frame([old, result(accuracy={"test": 0.8})])["accuracy"]) == [0.8]


def test_no_records_make_empty_frames() -> None:
    assert list(cell_frame([]).columns) == [*CELLS, "key"] and cell_frame([]).empty
    assert list(trial_frame([]).columns) == [*TRIALS, "key"] and trial_frame([]).empty
    assert figure_frame([]).empty


def test_a_row_of_trials_is_a_trial() -> None:
    found = tuned(2, 1, trials=7)
    frame = trial_frame(found)
    assert len(frame) == 14 and set(frame["trial"]) == set(range(7)) and frame["default"].sum() == 2
    assert list(cell_frame(found)["key"].unique()) == [one.key for one in found if one.stage == "final"]
    pruned = frame[frame["status"] == "skipped"]
    assert list(pruned["trial"]) == [5, 5] and pruned["val"].isna().all() and pruned["test"].isna().all()
    led = frame[frame["test"].notna()]
    assert (led["val"] - led["test"]).to_numpy() == pytest.approx(0.01)
    one = found[0]
    assert frame.loc[frame["key"] == one.key, "params.lr"].item() == one.params["lr"]
    assert frame.loc[frame["key"] == one.key, "train_flops"].item() == one.cost.train_flops


def test_the_newest_record_of_a_trial_counts() -> None:
    first, *others = tuned(1, 1, trials=2)
    again = replace(first, environment=Environment(device="another"))
    cut = replace(first, status="failed", reason="interrupted", accuracy={})
    assert trial_frame([first, *others, cut])["status"].tolist() == ["done", "done"]
    assert trial_frame([cut, *others, again])["device"].tolist()[0] == "another"


def test_a_table_holds_the_numbers_behind_its_texts() -> None:
    (grid,) = grids(comparison(5, 4, 2))
    table = main_table(grid)
    for method in grid.methods:
        score = grid.mean(method, [list(grid.common)])
        assert score is not None and table.values.at[("means", "mean of 4 tasks"), method] == score.mean
        assert table.values.at[("mean cost of a task", "stored bytes"), method] == grid.cost(method, "stored_bytes")
    assert (table.place.loc[[("means", "average rank")]] == 1).any(axis=None)


def test_a_notebook_shows_a_table_with_hostile_names_escaped() -> None:
    evil = "<script>alert(1)</script>"
    (grid,) = grids([result(name, f"demo/{evil}", group=evil, backbone=evil) for name in (evil, "b")])
    html = main_table(grid)._repr_html_()
    assert evil not in html and html.count("&lt;script&gt;") >= 3
