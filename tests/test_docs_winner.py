"""The examples of docs/using-the-winner.md and docs/tracking.md, run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


def blocks(page: str, language: str) -> list[str]:
    """The examples of a page in one language."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(*command: str | Path, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=home, capture_output=True, text=True,
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def run_lines(block: str, home: Path) -> list[str]:
    """What each line of a block of commands prints."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert all(words[:2] == ["python", "run_bench.py"] for words in lines)
    return [run(REPOSITORY / "run_bench.py", *words[2:], home=home) for words in lines]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A place with photos of two classes, and the repository's assets where the examples name them."""
    dice = np.random.default_rng(0)
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = dice.normal(70 + 90 * label, 12, (40, 50, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "bench").symlink_to(REPOSITORY / "bench")
    return tmp_path


@pytest.mark.slow
def test_using_the_winner(home: Path) -> None:
    (commands,) = blocks("using-the-winner.md", "sh")
    *_, table, rows = run_lines(commands, home)
    assert len(table.splitlines()) == 17
    assert len(rows.splitlines()) == 16
    examples = blocks("using-the-winner.md", "python")
    assert len(examples) == 5
    for number, example in enumerate(examples):
        script = home / f"example_{number}.py"
        script.write_text(example)
        run("-W", "ignore", script, home=home)


@pytest.mark.slow
def test_tracking(home: Path) -> None:
    first, _ = blocks("tracking.md", "sh")
    said = run_lines(first, home)
    assert "0 cells logged; MLflow has all of results/tracked/cells.jsonl" in said[-1]
