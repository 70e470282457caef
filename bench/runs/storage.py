"""Optuna's storage: a journal beside the records, or a database that several processes share."""

from __future__ import annotations

import time
from pathlib import Path

from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bench.spec import UserError

TRIES = 10  # to open a database whose tables others are creating


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Optuna's storage at `url`, or a journal beside the records. Raises UserError when it cannot be reached."""
    try:
        if url is not None:
            return _database(url)
        return JournalStorage(JournalFileBackend(str(folder / "studies.journal")))
    except (OptunaError, SQLAlchemyError, ImportError, ValueError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[:1]
        raise UserError(
            f"the storage {hidden(url or str(folder))} cannot be reached ({', '.join(reason)}); "
            "write --storage sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME, or leave it out"
        ) from error


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
