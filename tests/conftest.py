"""What several test files share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.tracking import connection

if TYPE_CHECKING:
    from tests.winner import Exports

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Prepared images are kept in a folder of the tests' own, which goes with them."""
    folder = tempfile.TemporaryDirectory(prefix="head2head-cache-")
    config.add_cleanup(folder.cleanup)
    os.environ["HEAD2HEAD_CACHE"] = folder.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that asks for real data, so that `-m real` chooses them."""
    for item in items:
        if "real" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)


@pytest.fixture
def tensorflow(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with a package `tensorflow` that leaves a file `imported` beside itself when it is."""
    package = tmp_path / "decoy" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from pathlib import Path\nPath(__file__).with_name('imported').touch()\n")
    return package.parent


@pytest.fixture(scope="session")
def real() -> Path:
    """Real data and weights, beside the repository or where HEAD2HEAD_REAL says; skips where they are absent."""
    folder = Path(os.environ.get("HEAD2HEAD_REAL") or REPOSITORY.parent / "shared" / "real")
    if not folder.is_dir():
        pytest.skip(f"there is no real data at {folder}; set HEAD2HEAD_REAL to where it is")
    return folder


@pytest.fixture
def mlflow_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's, and nothing that the code sets outlives a test."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, value in connection.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty tracking database, to be copied: making one takes a second."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    connection.create_database(path)
    return path


@pytest.fixture
def mlflow_folder(tmp_path: Path, mlflow_database: Path) -> Path:
    """A results folder with an empty tracking database."""
    place = tmp_path / "my results"
    place.mkdir()
    shutil.copyfile(mlflow_database, place / "mlflow.db")
    return place


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Every registered method, run by the harness and exported."""
    from tests.winner import export_every_method  # here, because few tests need torch

    return export_every_method(tmp_path_factory.mktemp("winner"))
