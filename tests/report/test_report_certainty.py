"""What the report says of its own certainty: intervals, ranks and tests, tuning, and expected against spent."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.records.cells import CellResult, Cost, DataFacts, Environment, Expectation, Stage, TuningFacts
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers.evidence import comparison as compared
from bench.report.numbers.evidence import difference_interval, mean_interval, task_interval
from bench.report.numbers.grid import Grid, grids
from bench.report.tables.certainty import certainty_table
from bench.report.tables.main import main_table
from bench.report.tables.spending import spending_table
from bench.report.tables.table import Table
from bench.report.words.findings import sentences
from bench.report.words.sure import certainty
from bench.statistics import Sample, interval, weights
from tests.synthetic import comparison, counted, read_back, result


def grid_of(results: Sequence[CellResult]) -> Grid:
    (grid,) = grids(results)
    return grid


def rows(table: Table | None) -> dict[tuple[str, str], list[str]]:
    assert table is not None
    return dict(zip(table.text.index, table.text.to_numpy().tolist(), strict=True))


def told(grid: Grid) -> str:
    return " ".join(certainty(grid))


def test_intervals_are_those_of_the_statistics() -> None:
    grid = grid_of(counted(comparison(2, 3, 3)))
    samples = {task: Sample(tuple(grid.accuracies("fine_tune", task).values()), 5000) for task in grid.tasks}
    wanted = interval(samples, weights([list(grid.tasks)]))
    assert wanted is not None and wanted.covers == ("images", "seeds")
    assert mean_interval(grid, "fine_tune", [list(grid.tasks)]) == wanted
    shown = rows(certainty_table(grid))["mean of 3 tasks, %", "95 % interval"][1]
    assert shown == f"{100 * wanted.low:.1f} to {100 * wanted.high:.1f}"
    score = grid.score("fine_tune", grid.tasks[0])
    one = task_interval(grid, "fine_tune", grid.tasks[0])
    assert score is not None and one is not None and one.low < score.mean < one.high


def test_a_lead_has_an_interval_and_says_when_it_may_be_none() -> None:
    near = [result("a", accuracy={"test": 0.801}), result("b", accuracy={"test": 0.8})]
    far = [result("a", accuracy={"test": 0.9}), result("b", accuracy={"test": 0.8})]
    how = "(as if of different images)"
    assert f"over test images {how} is −1.5 to +1.7, so either may be the better" in told(grid_of(counted(near)))
    found = difference_interval(grid_of(counted(far)), "a", "b")
    assert found is not None and found.low > 0
    assert "either may be the better" not in told(grid_of(counted(far)))


def test_without_counts_of_images_or_several_seeds_a_sentence_says_what_lacks() -> None:
    said = told(grid_of(comparison(2, 3)))
    assert "Not all records count their test images" in said
    assert "No interval covers the choice of the seed" in said and "--seeds 0 1 2" in said
    assert "95 % interval" not in said.replace("No interval", "")
    both = told(grid_of(counted(comparison(2, 3, 2))))
    assert "over test images and seeds" in both and "No interval" not in both and "no interval" not in both


@pytest.mark.parametrize("counts", [{"test": 0}, {"test": -1}, {}])
def test_counts_that_are_none_are_as_if_absent(counts: Mapping[str, int]) -> None:
    odd = [replace(one, data=DataFacts(test_counts=counts)) for one in comparison(2, 2)]
    assert task_interval(grid_of(odd), "fine_tune", grid_of(odd).tasks[0]) is None


@pytest.mark.parametrize("counts", [{"test": "many"}, {"test": "5000"}, "5000", None, {"test": [1]}, {"test": True}])
def test_a_record_whose_counts_are_no_numbers_is_not_read(counts: object, tmp_path: Path) -> None:
    assert read_back(tmp_path, comparison(2, 2), data={"test_counts": counts}) == []


def test_seven_tasks_and_five_methods_cannot_settle_pairs_and_nineteen_can() -> None:
    few, many = grid_of(comparison(5, 7)), grid_of(comparison(5, 19))
    assert (
        "A test of pairs cannot settle anything over 7 tasks: not even winning all of them would give a p under 0.16"
        in told(few)
    )
    assert "differs significantly from" not in told(few)
    assert ("against fine_tune", "p") not in rows(certainty_table(few))
    first = compared(many).methods[0]
    assert f"Over the 19 tasks, {first} differs significantly from" in told(many)
    assert ("against fine_tune", "p") in rows(certainty_table(many))


def test_only_differences_that_the_test_supports_are_claimed() -> None:
    grid = grid_of(comparison(8, 19))
    made = compared(grid)
    ranking = sorted(grid.compared, key=lambda m: -sum(grid.score(m, t).mean for t in grid.tasks))  # type: ignore[union-attr]
    sentence = next(one for one in certainty(grid) if one.startswith("Over the 19 tasks"))
    apart, _, alike = sentence.partition("does not differ")
    for other in ranking[1:]:
        assert (other in apart.split("from", 1)[-1]) == made.differ(ranking[0], other)
        assert (f"{other} (p = " in alike) != made.differ(ranking[0], other)


def test_wins_ties_and_losses_are_counted_as_printed() -> None:
    values = {"linear_probe": (0.5, 0.6, 0.7), "knn": (0.50004, 0.5, 0.9)}
    grid = grid_of(
        [result(m, f"demo/{at}", accuracy={"test": v}) for m, found in values.items() for at, v in enumerate(found)]
    )
    assert rows(certainty_table(grid))["against linear_probe", "win / tie / loss"] == ["–", "1 / 1 / 1"]


def test_ranks_are_a_row_of_the_main_table_and_the_least_is_best() -> None:
    grid = grid_of(comparison(3, 5))
    ranks = compared(grid).ranks
    table, place = main_table(grid), ("means", "average rank")
    assert rows(table)[place] == [f"{ranks[method]:.1f}" for method in grid.methods]
    best = min(ranks, key=ranks.__getitem__)
    assert list(table.place.loc[place] == 1) == [method == best for method in grid.methods]


def test_medians_are_told_where_there_are_several_seeds() -> None:
    found = [result(m, seed=seed, accuracy={"test": v}) for m in "ab" for seed, v in enumerate((0.5, 0.6, 0.9))]
    assert rows(certainty_table(grid_of(found)))["mean of 1 task, %", "mean of the medians"] == ["60.0", "60.0"]


def test_incomplete_grids_are_tested_over_common_tasks() -> None:
    found = [one for one in comparison(3, 8) if (one.method, one.task[-1]) != ("lora", "3")]
    grid = grid_of(found)
    assert len(compared(grid).tasks) == 7 and "over the 7 tasks" in told(grid)
    assert any("The grid is incomplete" in sentence for sentence in sentences(grid))
    apart = [result("a", "demo/x"), result("b", "demo/y")]
    assert told(grid_of(apart)) == "No task was finished by all methods, so nothing can be tested."
    assert certainty_table(grid_of(apart)) is None


def test_tuning_is_told_only_where_there_was_any() -> None:
    plain = grid_of(comparison(2, 2))
    assert "each method's own, no search" in main_table(plain).note
    assert not any("tuning" in label for _, label in rows(main_table(plain)))
    table = main_table(grid_of([tuned(one) if one.method == "fine_tune" else one for one in comparison(2, 2)]))
    found = {label: texts for (_, label), texts in rows(table).items()}
    assert found["tuning FLOPs"] == ["–", "5 G"] and found["tuning time"] == ["–", "90 s"]
    assert "hyper-parameters searched in 4 to 10 trials a task, except those of linear_probe" in table.note
    assert "the budget ended the search of 1 cell early" in table.note


def tuned(one: CellResult) -> CellResult:
    """The cell after a search of ten trials, which the budget ended after four on the second task."""
    cut = one.task.endswith("1")
    search = TuningFacts("s", asked=10, trials=4 if cut else 10, sampler="tpe", chosen=3, cut=cut)
    cost = replace(one.cost, tune_flops=5 * 10**9, tune_seconds=90.0)
    return replace(one, cost=cost, tuning=search)


def test_trials_and_replays_are_in_no_table() -> None:
    found = comparison(2, 2)
    stages: tuple[Stage, ...] = ("trial", "replay")
    extra = [replace(one, stage=stage, accuracy={"test": 0.01}) for one in found for stage in stages]
    assert grids(found) == grids([*found, *extra])


def test_trials_alone_are_told(tmp_path: Path) -> None:
    Store(tmp_path).append(result(stage="trial"))
    assert write_report(tmp_path).summary.lines == ("no cell is finished yet; the records hold only 1 trial",)


def test_expected_is_put_against_spent() -> None:
    expected = Expectation(seconds=20.0, flops=8 * 10**9, passes=1.0)
    known = result("a", cost=Cost(spent_seconds=30.0, spent_flops=4 * 10**9), expectation=expected)
    grid = grid_of([known, replace(known, task="demo/other"), result("b")])
    found = rows(spending_table(grid))
    assert found["seconds", "cells"] == ["2", "–"]
    assert found["seconds", "expected"][0] == "40 s" and found["seconds", "spent"][0] == "60 s"
    assert found["seconds", "spent / expected"] == ["1.5", "–"] and found["FLOPs", "spent / expected"][0] == "0.5"
    assert spending_table(grid_of(comparison(2, 2))) is None


def test_a_record_whose_expectation_is_no_number_is_not_read(tmp_path: Path) -> None:
    assert read_back(tmp_path, [result()], expectation={"seconds": float("nan"), "flops": 1, "passes": 1}) == []


def test_the_csv_has_intervals_and_medians(tmp_path: Path) -> None:
    for one in counted([result(seed=seed, accuracy={"test": v}) for seed, v in enumerate((0.5, 0.6, 0.9))], 1000):
        Store(tmp_path).append(one)
    write_report(tmp_path)
    with (tmp_path / "report" / "table.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["accuracy_median"]) == 0.6 and row["test_images"] == "1000"
    assert row["interval_covers"] == "images+seeds"
    assert float(row["interval_low"]) < float(row["accuracy_mean"]) < float(row["interval_high"])


@pytest.mark.parametrize("methods", [1, 2, 3, 30])
@pytest.mark.parametrize("tasks", [1, 24])
def test_any_number_of_methods_has_sound_tables(methods: int, tasks: int) -> None:
    names = [f"{'long_method_name_' * 3}{at:02d}"[-40:] for at in range(methods)]
    grid = grid_of(counted(comparison(names, tasks)))
    tables = [table for table in (main_table(grid), certainty_table(grid)) if table]
    assert all(list(table.text)[:methods] == names and not table.text.isna().any(axis=None) for table in tables)
    assert all("nan" not in sentence.lower() for sentence in sentences(grid))


@pytest.mark.parametrize("left_out", [("scratch",), ("linear_probe",), ("scratch", "linear_probe", "fine_tune")])
def test_without_the_usual_methods_the_rest_is_told(left_out: Sequence[str]) -> None:
    grid = grid_of(counted([one for one in comparison(6, 7, 2) if one.method not in left_out]))
    assert told(grid) and certainty_table(grid) is not None
    if "linear_probe" in left_out or "scratch" in left_out:
        assert "domain affinity" not in main_table(grid).text.columns


def test_torn_lines_and_other_protocols_leave_a_sound_report(tmp_path: Path) -> None:
    first = [replace(one, key=f"old {one.key}", environment=Environment("0")) for one in comparison(2, 2)]
    lines = [json.dumps(asdict(one)) for one in [*first, *counted(comparison(3, 4))]]
    lines.insert(2, lines[0][:70])
    (tmp_path / "cells.jsonl").write_text("\n".join([*lines, lines[-1][:50]]), encoding="utf-8")
    older, newer = write_report(tmp_path).summary.parts
    assert "protocol 0" in older.overview.title and "protocol 0" not in newer.overview.title
    assert older.verdict and newer.verdict


def test_864_records_are_in_tables_in_seconds_and_without_torch(tmp_path: Path) -> None:
    """Processor time, so that a busy machine does not fail it; 3 seconds are the aim, the limit leaves room."""
    for one in counted(comparison(12, 24, 3)):
        with (tmp_path / "cells.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(one)) + "\n")
    code = (
        "import sys, time; from pathlib import Path; from bench.records.store import Store\n"
        "from bench.report import document; from bench.report.numbers import frames, grid\n"
        f"results = list(Store(Path({str(tmp_path)!r})).latest().values())\n"
        "found = grid.grids(results); chapters = [document.chapter(one) for one in found]\n"
        "frames.figure_frame(found)\n"
        "print(len(results), 'torch' in sys.modules, 'matplotlib' in sys.modules, time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, torch, matplotlib, seconds = done.stdout.split()
    assert (count, torch, matplotlib) == ("864", "False", "False")
    assert float(seconds) < 6


def test_figures_that_are_none_are_missing() -> None:
    odd = [result("a", accuracy={}), result("a", "demo/x"), result("b", "demo/x", accuracy={"test": 7.0})]
    grid = grid_of(counted([*odd, result("b", cost=Cost(), accuracy={"val": 0.5})]))
    assert grid.tasks == ("demo/x",)
    assert sentences(grid) and certainty_table(grid) is not None


def test_methods_that_do_not_depend_on_the_seed_are_not_called_certain() -> None:
    found = [result(method, seed=seed) for method in "ab" for seed in (0, 1)]
    assert "over seeds" not in told(grid_of(found)) and "choice of the seed" not in told(grid_of(found))
    assert "95 % interval over test images and seeds" in told(grid_of(counted(found)))


def test_ranks_are_called_better_only_beyond_the_critical_difference() -> None:
    made = compared(grid := grid_of(comparison(5, 7)))
    assert made.friedman is not None and made.critical_difference is not None and made.friedman.p < 0.05
    first, *others = made.methods
    (sentence,) = (one for one in certainty(grid) if one.startswith("Average ranks"))
    claimed = sentence.partition(f"{first} ranks significantly better than ")[2]
    for other in others:
        assert (other in claimed) == (made.ranks[other] - made.ranks[first] > made.critical_difference)
    turns = [(method, at, 0.5 + (at + turn) % 3 / 10) for turn, method in enumerate("abc") for at in range(6)]
    alike = grid_of([result(method, f"demo/{at}", accuracy={"test": value}) for method, at, value in turns])
    (sentence,) = (one for one in certainty(alike) if one.startswith("Average ranks"))
    assert "do not differ significantly (Friedman, p = 1)" in sentence and "better" not in sentence
    assert "from 2.0 (a, b and c) to 2.0 (a, b and c). They do" in sentence  # who ties is named too


def test_one_task_is_not_tested() -> None:
    grid = grid_of(counted(comparison(3, 1)))
    assert "One task does not show which method is better on others" in told(grid)
    assert "Wilcoxon" not in told(grid) and "Friedman" not in told(grid)
    assert not any("against" in part for part, _ in rows(certainty_table(grid)))
