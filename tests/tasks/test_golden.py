"""EuroSAT's VTAB-1k images by three ways, the authors' zip, tensorflow-datasets and a converted copy: one result.

docs/data.md has the commands that prepare the data set for HEAD2HEAD_TFDS, the tensorflow-datasets part.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tasks  # noqa: F401  (registers the tasks)
from bench.images.portable import convert
from bench.registry import TASKS
from bench.spec import Data
from tests.command_line import make_folder
from tests.conftest import REPOSITORY

EUROSAT = TASKS.select(["vtab1k/eurosat"])["vtab1k/specialized/eurosat"]


@pytest.fixture(scope="module")
def from_zip(real: Path) -> Data:
    return EUROSAT.find(real / "raw").load()


@pytest.fixture(scope="session")
def prepared() -> Path:
    """A folder in which tensorflow-datasets prepared eurosat/rgb; skips where none is named."""
    place = os.environ.get("HEAD2HEAD_TFDS")
    if not place:
        pytest.skip("HEAD2HEAD_TFDS names no folder with a prepared eurosat/rgb; docs/data.md says how to make one")
    return Path(place)


def assert_same(one: Data, other: Data) -> None:
    """The same labels and pixels, to the last bit, in the same order."""
    assert (len(one.train.labels), one.train.validation, len(one.tests["test"].labels)) == (1000, 200, 5400)
    assert one.train.validation == other.train.validation
    for mine, theirs in ((one.train, other.train), (one.tests["test"], other.tests["test"])):
        assert np.array_equal(mine.labels, theirs.labels)
        differ = [
            place
            for place in range(len(mine.labels))
            if not np.array_equal(mine.images.decode(place), theirs.images.decode(place))
        ]
        assert not differ, f"{len(differ)} images differ, the first is {differ[0]}"


def test_a_converted_copy_is_the_zip(real: Path, from_zip: Data, tmp_path: Path) -> None:
    found = EUROSAT.find(real / "raw")
    convert(EUROSAT, found, tmp_path / "vtab-1k", lambda: None)
    copy = EUROSAT.find(tmp_path)
    assert (copy.exactness, copy.pipeline) == ("exact", f"lossless PNG copy of: {found.pipeline}")
    assert_same(from_zip, copy.load())


def test_what_tensorflow_datasets_prepared_is_the_zip(prepared: Path, from_zip: Data) -> None:
    found = EUROSAT.find(prepared)
    assert "array_record" in found.pipeline and found.exactness == "exact"
    assert_same(from_zip, found.load())
    assert "tensorflow" not in sys.modules


@pytest.mark.slow
def test_a_copy_converted_from_tensorflow_datasets(prepared: Path, from_zip: Data, tmp_path: Path) -> None:
    convert(EUROSAT, EUROSAT.find(prepared), tmp_path / "vtab-1k", lambda: None)
    assert_same(from_zip, EUROSAT.find(tmp_path).load())


@pytest.mark.slow
def test_a_run_does_without_tensorflow(tmp_path: Path, tensorflow: Path) -> None:
    photos = make_folder(tmp_path / "photos")
    code = (
        "import sys, run_bench; sys.argv = ['run_bench.py', *sys.argv[1:]]\n"
        "assert run_bench.main() == 0\n"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'jax'} & sys.modules.keys()))"
    )
    arguments = ["--methods", "linear_probe", "--tasks", f"folder:{photos}", "--results", tmp_path / "results"]
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(tensorflow)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tensorflow / "tensorflow" / "imported").exists()
