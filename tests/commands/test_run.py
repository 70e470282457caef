"""The command line from outside: runs, resumes, survives kills, and says what is wrong in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY

QUICK = ["--methods", "linear_probe", "--tasks", "demo/digits"]
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}


def command(*arguments: object, home: Path = REPOSITORY) -> list[str]:
    return [sys.executable, str(home / "run_bench.py"), *map(str, arguments)]


def bench(*arguments: object, code: int = 0, home: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*arguments, home=home), cwd=home, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def records(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (results / "cells.jsonl").read_text().splitlines()]


def make_folder(path: Path, classes: int = 3, each: int = 12) -> Path:
    """Pictures of stripes, as many a picture as their class says: every method can tell them apart."""
    dice = np.random.default_rng(0)
    for label in range(classes):
        (path / f"class_{label}").mkdir(parents=True)
        for number in range(each):
            stripes = np.sin(np.linspace(0, 2 * np.pi * 3**label, 50) + dice.uniform(0, 6))
            noise = dice.normal(0, 10, (40, 50, 3))
            pixels = np.clip(128 + 90 * stripes[None, :, None] + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path / f"class_{label}" / f"{number}.png")
    return path


def test_a_run_is_recorded_reported_and_not_repeated(tmp_path: Path) -> None:
    first = bench(*QUICK, "--results", tmp_path)
    assert "Test accuracy, %: demo suite" in first.stdout
    assert "mlflow ui --backend-store-uri" in first.stdout
    assert "report.html" in first.stdout.splitlines()[-1]
    (record,) = records(tmp_path)
    assert record["status"] == "done"
    assert set(record["accuracy"]) == {"test", "ood/inverted", "ood/noisy", "ood/rotated"}
    assert record["cost"]["train_flops"] > 1000 * 14_000_000
    delta = tmp_path / "deltas" / f"{record['key']}.safetensors"
    assert delta.stat().st_size == record["cost"]["stored_bytes"]
    assert {path.suffix for path in (tmp_path / "report").iterdir()} == {".html", ".md", ".csv", ".tex", ".png", ".svg"}
    began = time.monotonic()
    again = bench(*QUICK, "--results", tmp_path)
    assert time.monotonic() - began < 5
    assert "1 done already, 0 to run" in again.stderr
    assert len(records(tmp_path)) == 1
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


def wait_for_work_on(method: str, folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the note beside the records says that this method has been at work for a second."""
    note = folder / "working.json"
    while not (note.exists() and json.loads(note.read_text())["record"]["method"] == method):
        assert process.poll() is None
        time.sleep(0.05)


def test_after_a_kill_only_the_rest_is_run(tmp_path: Path) -> None:
    arguments = ["--methods", "linear_probe,fine_tune", "--tasks", "demo/cells", "--results", tmp_path]
    process = subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    while "[1/2]" not in process.stderr.readline():
        assert process.poll() is None
    wait_for_work_on("fine_tune", tmp_path, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [record["method"] for record in records(tmp_path)] == ["linear_probe"]
    again = bench(*arguments, "--methods", "linear_probe,fine_tune").stderr
    assert "a run was killed at demo/cells · fine_tune" in again
    assert "2 cells: 1 done already, 1 to run" in again
    lines = [(record["method"], record["status"]) for record in records(tmp_path)]
    assert lines == [("linear_probe", "done"), ("fine_tune", "failed"), ("fine_tune", "done")]
    assert records(tmp_path)[1]["cost"]["spent_seconds"] > 0


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--methods", "linear_probe,scratch", "--tasks", "demo/cells", "--results", tmp_path),
        cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "[1/2]" not in process.stderr.readline():
        assert process.poll() is None
    wait_for_work_on("scratch", tmp_path, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert [record["status"] for record in records(tmp_path)] == ["done", "failed"]
    assert "interrupted" in records(tmp_path)[1]["reason"]


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--methods", "fine_tune", "--tasks", "demo/cells", "--results", tmp_path),
        cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    process.stderr.readline()
    try:
        refused = bench(*QUICK, "--results", tmp_path, code=2)
        assert f"process {process.pid} is already running" in refused.stderr
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--methods", "linear_prob"], 2, "no method is called 'linear_prob'; did you mean 'linear_probe'?"),
        (["--tasks", "demo/digit"], 2, "no task is called 'demo/digit'; did you mean 'demo/digits'?"),
        (["--tasks", "vtab1k", "--data", "/nonexistent"], 2, "nothing can run"),
        (["--tasks", "folder:/nonexistent"], 2, "/nonexistent"),
        (["--budget", "0"], 2, "write 90s, 30m or 2h"),
        (["--budget", "soon"], 2, "write 90s, 30m or 2h"),
        (["--results", "/proc/nowhere"], 2, "name another with --results"),
        (["--checkpoint", "/nonexistent.pth", "--backbone", "resnet18"], 2, "there is no checkpoint file"),
        (["--backbone", "resnet5O"], 2, "timm has no backbone 'resnet5O'; did you mean"),
        (["--backbone-arg", "novalue"], 2, "write NAME=VALUE"),
        (["--mean", "nan"], 2, "give one number or three"),
        (["--std", "0"], 2, "std above 0"),
        (["--image-size", "0"], 2, "an image size of 0 px is none"),
        (["--seeds", "-1"], 2, "a seed is a whole number"),
        (["--backbone-arg", "output_stride=7"], 2, "does not take these arguments"),
        (["--device", "cuda:77"], 2, "there is no device 'cuda:77' here"),
        (["report", "--results", "/nonexistent"], 2, "there are no results"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], code: int, says: str, tmp_path: Path) -> None:
    done = bench("--results", tmp_path, *arguments, code=code)
    assert says in done.stderr
    assert not (tmp_path / "cells.jsonl").exists()


def test_a_checkpoint_of_another_architecture_names_the_keys(tmp_path: Path) -> None:
    weights = REPOSITORY / "bench" / "assets" / "demo.safetensors"
    done = bench(*QUICK, "--results", tmp_path, "--backbone", "test_vit", "--checkpoint", weights, code=2)
    assert "does not fit test_vit" in done.stderr
    assert "missing (" in done.stderr


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
    assert "tuning FLOPs" in done.stdout
    assert "1 done already, 0 to run" in bench(*arguments, "--tune", "5").stderr
    assert "use linear_probe" not in bench("advise", "--results", tmp_path, code=2).stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tune", "0"], "is no number of trials"),
        (["--tune", "many"], "is no number of trials"),
        (["--tune", "auto"], "name one with --budget"),
        (["--oracle"], "ask for some with --tune"),
        (["--budget=-3m"], "is no positive amount"),
        (["--budget", "2parsecs"], "is no positive amount"),
        (["--memory-limit", "8GB", "--device", "cpu"], "holds on a GPU"),
        (["--tune", "2", "--storage", "nonsense"], "cannot be reached"),
        (["--methods", "linear_probe:l3=1"], "has no hyper-parameter in 'l3=1'"),
    ],
)
def test_wrong_limits_and_searches_are_sentences(flags: list[str], message: str, tmp_path: Path) -> None:
    usual = ["--methods", "linear_probe"] if "--methods" not in flags else []
    command_line = [*usual, "--tasks", "demo/cells", "--results", tmp_path, *flags]
    assert message in bench(*command_line, code=2).stderr


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


@pytest.mark.parametrize("classes", [0, 1])
def test_a_folder_without_two_classes(classes: int, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", classes) if classes else tmp_path / "photos"
    folder.mkdir(exist_ok=True)
    done = bench("--tasks", f"folder:{folder}", "--results", tmp_path / "results", code=2)
    assert str(folder) in done.stderr


def test_plan_says_what_would_run_and_what_it_costs(tmp_path: Path) -> None:
    planned = bench("plan", *QUICK, "--seeds", 0, 1, "--results", tmp_path).stdout
    assert planned.count("to run") >= 2
    assert "2 cells: 0 done, 2 to run in about" in planned
    assert not (tmp_path / "cells.jsonl").exists()


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
