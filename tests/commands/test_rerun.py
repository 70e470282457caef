"""A run with nothing to do imports little, and opens nothing but the records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.command_line import ENVIRONMENT, QUICK, bench
from tests.conftest import REPOSITORY

HEAVY = {"torch", "torchvision", "timm", "mlflow", "sklearn", "scipy", "pandas", "matplotlib"}


def test_a_run_with_nothing_to_do_imports_nothing_heavy(tmp_path: Path) -> None:
    asked = [*QUICK[:2], "vpt_deep", *QUICK[2:], "--results", str(tmp_path)]  # which has no place in the embedded CNN
    bench(*asked)
    code = "import sys, run_bench; run_bench.main(); print(*sys.modules)"
    command = [sys.executable, "-c", code, *asked]
    done = subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "nothing to run; report as of 20" in done.stderr
    assert not set(done.stdout.splitlines()[-1].split()) & HEAVY
