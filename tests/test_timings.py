"""The timing scripts run, on little, and say in a sentence what they cannot do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY


def timing(command: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = command.split()
    asked = [sys.executable, f"timings/{script}.py", *arguments]
    return subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command, told",
    [
        ("features_to_head --tasks demo/digits --fractions 0.1 --steps 20", ["head2toe_path", "F = 0.1, 20 steps"]),
        ("features_to_head --tasks demo/digits --methods linear_probe,head2toe:steps=20", ["steps=20", "linear_probe"]),
        ("evaluating --count 600 --target 512", ["10 cells:", "resident memory grew by"]),
        ("extracting --targets 512 --turns 2 --written", ["T = 512 (", "of the bare pass's speed"]),
        ("busy --epochs 1 --turns 1", ["as bench sets it: ", "as the runtime comes: ", "beside 1 busy"]),
        (
            "gpu --backbones test_vit --image-size 64 --images 60 --tests 100 --batch 20 --turns 1 --target 512",
            ["of the loop by hand's speed", "of the bare pass's speed", "ten heads", "core methods over VTAB-1k"],
        ),
        ("training --images 20 --batch 10 --turns 2", ["times the speed of the loop by hand"]),
        (
            "training --backbone resnet10t --random --image-size 32 --images 8 --batch 4 --turns 1",
            ["times the speed of the loop by hand"],
        ),
        ("records --records 3000", ["3,000 records", "report in"]),
        ("many_features --features 60000 --images 200 --classes 5", ["penalty 0.0625 of it:", "gap "]),
    ],
)
def test_a_timing_measures(command: str, told: list[str]) -> None:
    done = timing(command)
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in told), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command, told",
    [
        ("features_to_head --methods lora", "lora trains the backbone"),
        ("gpu --backbones resnet5O", "timm has no backbone 'resnet5O'"),
        ("features_to_head --methods head2to", "no method is called 'head2to'"),
        ("against_adelie --adelie nowhere/python --tasks demo/digits", "No such file or directory: 'nowhere/python'"),
        (f"against_adelie --adelie {sys.executable} --tasks demo/digits", "No module named 'adelie'; install adelie"),
        ("evaluating --mean nan", "--mean nan does not fit"),
    ],
)
def test_a_timing_refuses_with_a_sentence(command: str, told: str) -> None:
    done = timing(command)
    assert done.returncode == 2
    assert told in done.stderr and "Traceback" not in done.stderr
