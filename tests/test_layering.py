"""The plan of the house: imports keep to the contracts of pyproject.toml, and start-up stays light."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

HEAVY = {"torch", "timm", "mlflow", "matplotlib", "peft", "tensorflow", "tensorflow_datasets", "ray", "pandas"}
UNNEEDED = HEAVY | {"numpy", "scipy", "sklearn", "optuna", "pydantic", "rich", "safetensors"}


def test_imports_keep_to_their_contracts() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "barred"), [(["--help"], UNNEEDED), (["report", "--help"], UNNEEDED), (["list"], HEAVY)]
)
def test_help_and_list_do_without_heavy_libraries(arguments: list[str], barred: set[str]) -> None:
    code = (
        "import sys, run_bench; sys.argv = ['run_bench.py', *sys.argv[1:]]\n"
        "try:\n run_bench.main()\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = python("-c", code, *arguments)
    assert not set(done.stdout.splitlines()[-1].split()) & barred
    assert not done.stderr


@pytest.mark.parametrize(("arguments", "seconds"), [(["run_bench.py", "--help"], 0.6), (["-c", "import bench"], 0.3)])
def test_start_up_takes_little_of_the_processor(arguments: list[str], seconds: float) -> None:
    """Time of the processor, not of the clock: other work on the machine hardly changes it."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < seconds


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )  # fmt: skip
