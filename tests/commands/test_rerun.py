"""A run with nothing to do imports little, and opens nothing but the records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.command_line import ENVIRONMENT, QUICK, bench
from tests.conftest import REPOSITORY

HEAVY = {"torch", "torchvision", "timm", "mlflow", "sklearn", "scipy", "pandas", "matplotlib"}


def test_a_run_with_nothing_to_do_imports_nothing_heavy(tmp_path: Path) -> None:
    bench(*QUICK, "--results", tmp_path)
    code = "import sys, run_bench; run_bench.main(); print(*sys.modules)"
    command = [sys.executable, "-c", code, *QUICK, "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "nothing to run; report as of 20" in done.stderr
    assert not set(done.stdout.splitlines()[-1].split()) & HEAVY
