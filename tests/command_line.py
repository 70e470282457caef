"""The command line as a user calls it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.conftest import REPOSITORY

QUICK = ["--methods", "linear_probe", "--tasks", "demo/digits"]
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}


def command(*arguments: object, home: Path = REPOSITORY) -> list[str]:
    """The words that call run_bench.py of a checkout."""
    return [sys.executable, str(home / "run_bench.py"), *map(str, arguments)]


def bench(*arguments: object, code: int = 0, home: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, which must be with this exit code and without a traceback."""
    done = subprocess.run(command(*arguments, home=home), cwd=home, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def started(*arguments: object, stdout: int = subprocess.DEVNULL, home: Path = REPOSITORY) -> subprocess.Popen[str]:
    """A command at work. Ctrl-C reaches it even where whatever runs the tests ignores it."""
    return subprocess.Popen(
        command(*arguments), cwd=home, stdout=stdout, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def records(results: Path) -> list[dict[str, Any]]:
    """The lines of a results folder."""
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
