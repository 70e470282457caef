"""`run_bench.py run`: what it records, prints and does again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.command_line import QUICK, bench, make_folder, records


def test_a_run_is_recorded_reported_and_not_repeated(tmp_path: Path) -> None:
    first = bench(*QUICK, "--results", tmp_path)
    assert "Test accuracy, %: demo suite" in first.stdout
    assert len(first.stdout.splitlines()) <= 40
    addresses = first.stdout.splitlines()[-3:]
    assert [line.split(":")[0] for line in addresses] == ["Records", "MLflow", "Report"]
    assert addresses[1].endswith(f"run_bench.py ui --results {tmp_path}")
    assert str(tmp_path / "report" / "report.html") in addresses[2]
    (record,) = records(tmp_path)
    assert record["status"] == "done"
    assert set(record["accuracy"]) == {"test", "ood/inverted", "ood/noisy", "ood/rotated"}
    assert record["cost"]["train_flops"] > 1000 * 14_000_000
    delta = tmp_path / "deltas" / f"{record['key']}.safetensors"
    assert delta.stat().st_size == record["cost"]["stored_bytes"]
    kinds = {".html", ".md", ".csv", ".tex", ".toml", ".png", ".svg", ".json"}
    assert {path.suffix for path in (tmp_path / "report").iterdir()} == kinds
    (file,) = (tmp_path / "report").glob("*.toml")
    assert "1 done already, 0 to run" in bench("--config", file, "--results", tmp_path).stderr
    fitted = delta.stat().st_mtime_ns
    again = bench(*QUICK, "--results", tmp_path)
    assert "1 done already, 0 to run" in again.stderr
    assert re.search(r"^nothing to run; report as of \d{4}-\d\d-\d\d \d\d:\d\d$", again.stderr, re.MULTILINE)
    assert again.stdout == first.stdout
    assert len(records(tmp_path)) == 1 and delta.stat().st_mtime_ns == fitted
    bench(*QUICK, "--results", tmp_path, "--force")
    forced = records(tmp_path)
    assert len(forced) == 2
    assert forced[0]["accuracy"] == forced[1]["accuracy"]


def test_a_forced_run_that_fails_says_so(tmp_path: Path) -> None:
    bench(*QUICK, "--results", tmp_path)
    shutil.rmtree(tmp_path / "deltas")
    (tmp_path / "deltas").write_text("in the way")
    done = bench(*QUICK, "--results", tmp_path, "--force", code=1)
    assert "free some space and run again" in done.stderr
    assert [record["status"] for record in records(tmp_path)] == ["done", "failed"]


def test_a_budget_in_which_nothing_fits_begins_nothing_and_says_what_it_takes(tmp_path: Path) -> None:
    arguments = ["--methods", "fine_tune,linear_probe,scratch", "--tasks", "demo/cells", "--results", tmp_path]
    done = bench(*arguments, "--budget", "1s", code=3)
    assert "demo/cells is expected to take" in done.stderr
    assert "3 cells are left" in done.stderr
    assert not (tmp_path / "cells.jsonl").exists()


def test_tuning_is_recorded_resumed_and_reported(tmp_path: Path) -> None:
    arguments = ["--methods", "linear_probe", "--tasks", "demo/cells", "--results", tmp_path]
    done = bench(*arguments, "--tune", "5")
    assert "trial 4 demo/cells · linear_probe" in done.stderr
    stages = [record["stage"] for record in records(tmp_path)]
    assert stages[:6] == ["trial"] * 5 + ["final"]
    assert set(stages[6:]) == {"replay"}
    assert any("training" in line and "tuning" in line for line in done.stdout.splitlines())  # columns of costs
    assert "1 done already, 0 to run" in bench(*arguments, "--tune", "5").stderr
    assert "use linear_probe" not in bench("advise", "--results", tmp_path, code=2).stdout


def test_a_folder_of_images_end_to_end(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    done = bench("--methods", "linear_probe", "--tasks", f"folder:{folder}", "--results", tmp_path / "results")
    assert records(tmp_path / "results")[0]["accuracy"]["test"] > 0.8, done.stdout


def test_a_broken_image_is_named_and_the_other_task_goes_on(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    broken = folder / "class_1" / "5.png"
    broken.write_bytes(broken.read_bytes()[:300])
    tasks = f"folder:{folder},demo/digits"
    done = bench("--methods", "linear_probe", "--tasks", tasks, "--results", tmp_path / "results", code=1)
    assert "5.png" in done.stderr
    assert [record["task"] for record in records(tmp_path / "results") if record["status"] == "done"] == ["demo/digits"]
