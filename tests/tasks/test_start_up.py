"""Finding data imports no heavy library: the commands that list and plan stay quick."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

HEAVY = {"torch", "torchvision", "timm", "sklearn", "scipy", "PIL", "tensorflow", "tensorflow_datasets", "h5py"}


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["data", "status"]])
def test_no_heavy_library_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys, run_bench\n"
        "try:\n run_bench.main()\nexcept SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("[]", "")
