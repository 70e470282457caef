"""The tracking store: how it is reached, and what is said when it does not work."""

from __future__ import annotations

import importlib
import os
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import sqlalchemy

from bench.spec import UserError
from bench.tracking import connection, empty, sync, ui_command
from bench.tracking.connection import EXPERIMENT
from tests.synthetic import result
from tests.tracking.mlflow_runs import MARKS, keys

pytestmark = MARKS


def test_a_database_is_made_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"of another process")
    connection.create_database(path)
    assert path.read_bytes() == b"of another process"
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]
    path.unlink()
    assert sync(tmp_path, [result()]) == 1


def test_tables_are_made_once_for_a_version_and_a_damaged_copy_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path / "cache"))
    connection.create_database(tmp_path / "made.db")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name == f"mlflow-{version('mlflow')}.db" and empty.whole(kept)
    whole = kept.read_bytes()
    with sqlite3.connect(kept) as marked:
        marked.execute("CREATE TABLE marked (x)")
    connection.create_database(tmp_path / "copied.db")
    with sqlite3.connect(tmp_path / "copied.db") as copied:
        assert copied.execute("SELECT * FROM marked").fetchall() == []  # so it is a copy
    kept.write_bytes(whole[: len(whole) // 2])
    connection.create_database(tmp_path / "mended.db")
    assert empty.whole(kept) and empty.whole(tmp_path / "mended.db")
    for opened in (marked, copied):
        opened.close()


def test_only_our_own_database_does_not_wait_for_the_disk(mlflow_folder: Path) -> None:
    connection.connect(mlflow_folder)
    for name, synchronous in (("mlflow.db", 0), ("studies.db", 2)):
        with sqlalchemy.create_engine(f"sqlite:///{mlflow_folder / name}").connect() as opened:
            assert opened.exec_driver_sql("PRAGMA synchronous").scalar() == synchronous


@pytest.mark.parametrize("uri", ["sqlite:////proc/nowhere/mlflow.db", "postgresql://127.0.0.1:9/x", "nonsense://x"])
def test_an_unusable_store_is_given_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    importlib.import_module("mlflow.tracking")  # its seconds are not the store's
    start = time.monotonic()
    with pytest.raises(UserError, match=r"does not work .*; start it, or unset MLFLOW_TRACKING_URI"):
        sync(tmp_path, [result()])
    assert time.monotonic() - start < 20  # MLflow itself would try for 100 seconds


def test_a_damaged_database_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(UserError, match="move it away"):
        sync(tmp_path, [result()])


def test_the_user_has_the_last_word_on_the_environment(mlflow_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    connection.connect(mlflow_folder)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_line_that_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ui_command(Path("results")) == ui_command(tmp_path / "results")
    assert ui_command(Path("results")) == "python run_bench.py ui --results results"
    assert ui_command(Path("/else where")).endswith("--results '/else where'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@host/runs")
    assert ui_command(tmp_path / "results") == "python run_bench.py ui --results results"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@tracking:5000")
    assert ui_command(tmp_path) == "http://tracking:5000"


@pytest.mark.parametrize("name", ["run?1", "run#1", "100%25", "a b&c=d", "é→"])
def test_any_folder_name_keeps_its_own_database(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "table.md").write_text("|")
    assert sync(folder, [result()], [folder / "table.md"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name] and (folder / "mlflow.db").is_file()
    assert [path.name for path in folder.glob("mlartifacts/**/*.md")] == ["table.md"]
    assert len(keys(folder)) == 1
    assert sync(folder, [result()]) == 0


def test_a_file_system_without_hard_links_has_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    assert sync(tmp_path, [result()]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.lock"]


def test_a_deleted_experiment_is_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = result(key="a"), result(key="b")
    assert sync(tmp_path, [first]) == 1
    client = connection.connect(tmp_path)
    (experiment,) = client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    client.delete_experiment(experiment.experiment_id)
    assert sync(tmp_path, [first, second]) == 1
    assert "was deleted" in capsys.readouterr().err
    assert keys(tmp_path) == ["a", "b"]
