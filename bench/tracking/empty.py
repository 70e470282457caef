"""An empty database of MLflow's. Making one takes MLflow seconds, so a copy is kept in the user's cache folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from bench.images.disk_cache import home


def make_empty(path: Path) -> None:
    """Writes MLflow's tables, without any run, into the new file `path`.

    They are copied from the file that is kept for the installed version of MLflow, or made and then kept.
    """
    from mlflow.tracking import MlflowClient

    kept = kept_copy()
    if kept is not None:
        with suppress(OSError):
            shutil.copyfile(kept, path)
        if whole(path):
            return
        path.unlink(missing_ok=True)
    MlflowClient(f"sqlite:///{path}").get_experiment_by_name("any")  # the first use creates the tables
    if kept is not None:
        keep(path, kept)


def kept_copy() -> Path | None:
    """Where the copy for this version of MLflow is kept; None where the cache is switched off."""
    folder = home()
    return None if folder is None else folder / f"mlflow-{version('mlflow')}.db"


def whole(path: Path) -> bool:
    """Whether a file is an undamaged database with all of MLflow's tables."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            (state,) = opened.execute("PRAGMA quick_check").fetchone()
            return state == "ok" and opened.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    except sqlite3.Error:
        return False


def keep(path: Path, kept: Path) -> None:
    """Puts a copy in place in one step. Where there is no room, none is kept."""
    draft = kept.with_name(f"{kept.name}.{os.getpid()}")
    with suppress(OSError, sqlite3.Error):
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, draft)
            with closing(sqlite3.connect(draft)) as opened, opened:
                opened.execute("DELETE FROM experiments")  # MLflow's default one, which names the present folder
            draft.replace(kept)
        finally:
            draft.unlink(missing_ok=True)
