"""The wheel, installed where there is no checkout: everything that the code reads at run time is in it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.command_line import ENVIRONMENT, records
from tests.conftest import REPOSITORY

PACKED = ("bench", "methods", "tasks", "run_bench.py")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our wheel, built from what git knows, elsewhere: building leaves files in its source."""
    home = tmp_path_factory.mktemp("wheel")
    known = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, known.stdout.split("\0")):
        copy = home / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).is_symlink():
            copy.symlink_to((REPOSITORY / name).readlink())
        elif (REPOSITORY / name).exists():
            copy.write_bytes((REPOSITORY / name).read_bytes())
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(home), str(home / "source"))
    (built,) = home.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, which borrows all other packages from the one that runs the tests."""
    place = tmp_path_factory.mktemp("new") / "environment"
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    new = place / "bin" / "python"
    pip("--python", str(new), "install", str(wheel))
    return new


def pip(*arguments: str) -> None:
    """Installs or builds without a download."""
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--no-deps", "--no-index"], check=True)


def test_all_modules_and_data_are_packed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(REPOSITORY))
        for name in PACKED
        for path in [REPOSITORY / name, *(REPOSITORY / name).rglob("*")]
        if path.suffix == ".py"
    }
    assert {name for name in packed if name.endswith(".py")} == ours
    assert {name.partition("/")[0] for name in packed} == set(PACKED)
    reference = {f"bench/report/reference/{path.name}" for path in (REPOSITORY / "results/reference").glob("*.csv")}
    assert len(reference) == 4 and reference < packed


def test_it_runs_and_reports_outside_of_a_checkout(python: Path, tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        called = [str(python.with_name("head2head")), *arguments]
        done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = subprocess.run(
        [python, "-c", "import bench; print(bench.__file__)"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(python.parent.parent)
    command("--methods", "linear_probe,head2toe", "--tasks", "demo/digits", "--results", "here")
    made = records(tmp_path / "here")
    assert [(one["method"], one["status"]) for one in made] == [("linear_probe", "done"), ("head2toe", "done")]
    assert command("report", "--results", "here", "--versus", "published").count("Published numbers are for VTAB-1k")
    # The same records under the name of a task and a network that numbers were published for.
    lines = (tmp_path / "here" / "cells.jsonl").read_text().replace("demo/digits", "vtab1k/natural/svhn")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "cells.jsonl").write_text(
        lines.replace('"backbone":"demo"', '"backbone":"vit_base_patch16_224.augreg_in21k"')
    )
    command("report", "--results", "there", "--versus", "published")
    page = (tmp_path / "there" / "report" / "table.md").read_text()
    assert "No published row is known to be on the weights of vit_base_patch16_224.augreg_in21k" in page
    assert "VPETL:Full fine-tuning" in page
