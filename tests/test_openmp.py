"""OpenMP's threads wait briefly where the user has not said otherwise, from every way in, before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.openmp import BRIEF, CHOICES
from tests.conftest import REPOSITORY

UNSET = {name: value for name, value in os.environ.items() if name not in CHOICES}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own that sees none of the user's choices."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=REPOSITORY, env=UNSET | environment, capture_output=True, text=True, check=True
    )  # fmt: skip


def choices(code: str, **environment: str) -> dict[str, str]:
    """What a process finds in its environment of OpenMP's threads, after some code."""
    told = python(
        f"{code}\nimport os\nfor name in {sorted(CHOICES)}: print(name, os.environ.get(name, '-'))", **environment
    )
    return {name: value for name, value in map(str.split, told.stdout.splitlines()) if value != "-"}


@pytest.mark.parametrize(
    "way", ["import bench", "import run_bench", "import bench.costs.precision", "import methods.lora"]
)
def test_every_way_in_sets_both_runtimes_before_torch(way: str) -> None:
    assert choices(way) == BRIEF


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_what_the_user_has_chosen_is_left_as_it_is(name: str) -> None:
    assert choices("import bench", **{name: "7"}) == {name: "7"}


def test_nothing_is_set_once_torch_is_loaded() -> None:
    assert choices("import torch, bench") == {}


def loaded_before_and_after(order: str) -> str:
    """The setting that GCC's runtime reports as its own, with the modules imported in this order."""
    code = f"import os; os.environ['OMP_DISPLAY_ENV'] = 'VERBOSE'\nimport {order}"
    lines = [line.strip() for line in python(code).stderr.splitlines() if "GOMP_SPINCOUNT" in line]
    if not lines:
        pytest.skip("torch was not built with GCC's OpenMP here")
    return lines[0]


def test_the_runtime_reads_what_was_set_from_python() -> None:
    assert loaded_before_and_after("bench, torch").endswith("GOMP_SPINCOUNT = '1000'")
    assert not loaded_before_and_after("torch, bench").endswith("GOMP_SPINCOUNT = '1000'")
