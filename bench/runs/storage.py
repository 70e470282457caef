"""Optuna's storage: a journal for each study beside the records, or a database that several processes share."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bench.spec import UserError

TRIES = 10  # to open a database whose tables others are creating


def open_storage(url: str | None, folder: Path, study: str) -> BaseStorage:
    """Optuna's storage at `url`, or the study's journal beside the records.

    Raises UserError when it cannot be reached.
    """
    try:
        if url is not None:
            return _database(url)
        return JournalStorage(JournalFileBackend(str(_journal(folder, study))))
    except (OptunaError, SQLAlchemyError, ImportError, ValueError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[:1]
        raise UserError(
            f"the storage {hidden(url or str(folder))} cannot be reached ({', '.join(reason)}); "
            "write --storage sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME, or leave it out"
        ) from error


def journal(folder: Path, study: str) -> Path:
    """The file of one study's journal in a results folder. It moves to a worker and back as it is."""
    return folder / "studies" / f"{hashlib.sha256(study.encode()).hexdigest()[:16]}.journal"


def _journal(folder: Path, study: str) -> Path:
    """The same file, with what an older version wrote of the study into the one journal of the folder."""
    path, shared = journal(folder, study), folder / "studies.journal"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() and shared.exists():
        former, beside = JournalStorage(JournalFileBackend(str(shared))), path.with_suffix(".tmp")
        beside.unlink(missing_ok=True)  # of a copy that was interrupted
        with suppress(KeyError):  # it is none of its studies
            copy = JournalStorage(JournalFileBackend(str(beside)))
            optuna.copy_study(from_study_name=study, from_storage=former, to_storage=copy)
            beside.rename(path)
        beside.unlink(missing_ok=True)
    return path


def _database(url: str) -> BaseStorage:
    """Optuna's storage at `url`. Where two processes create its tables at once, the slower tries again."""
    for _ in range(TRIES):
        try:
            return get_storage(url)
        except SQLAlchemyError as error:
            if not isinstance(error, IntegrityError) and "already exists" not in str(error):
                raise
            time.sleep(0.1)
    return get_storage(url)


def hidden(url: str) -> str:
    """The URL without its password."""
    before, at, after = url.rpartition("@")
    scheme, colon, rest = before.partition("://")
    return f"{scheme}://{rest.split(':')[0]}@{after}" if at and colon else url
