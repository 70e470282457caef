"""Where MLflow's runs are kept, how it is reached, and what it raises when it is not."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sqlite3
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # mlflow takes more than a second to import, so it is imported in functions, when something is logged
    from mlflow.tracking import MlflowClient

EXPERIMENT = "head2head"
FILE = "mlflow.db"
VIEW = "head2head"  # of MLflow's page of runs, with our columns
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# Only what the user has not set. A request is tried once: the store is the truth, `sync` is the retry, and a request
# that was carried out though its answer was lost would be logged twice.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",  # seconds
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connect(folder: Path) -> MlflowClient:
    """A client of the tracking store, made sure to answer: for a database mlflow itself would try for 100 seconds."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import sqlalchemy
    from mlflow.tracking import MlflowClient

    uri = tracking_uri(folder)
    hasten()
    if is_default() and not database(folder).exists():
        create_database(database(folder))
    if urlsplit(uri).scheme.split("+")[0] in DATABASES:
        engine = sqlalchemy.create_engine(uri)
        try:
            sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()
    return MlflowClient(uri)


def hasten() -> None:
    """From now on `hurry` hears of every connection to a database."""
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "connect", hurry):
        event.listen(Engine, "connect", hurry)


def hurry(connection: object, _: object) -> None:
    """Lets our own database of runs be written without waiting for the disk, ten times a run and 50 at its creation.

    A kill does no harm to it; what a loss of power breaks can be deleted, as `sync` makes it again from the store.
    """
    if isinstance(connection, sqlite3.Connection):
        (file,) = [file for _, name, file in connection.execute("PRAGMA database_list") if name == "main"]
        if Path(file).name == FILE:
            connection.execute("PRAGMA synchronous = OFF")


def create_database(path: Path) -> None:
    """Lets mlflow make its tables elsewhere and puts the whole file in place, unless another process was faster.

    A kill while mlflow makes them, in some 50 migrations, would leave a file that it can never open again.
    """
    from mlflow.tracking import MlflowClient

    hasten()
    with tempfile.TemporaryDirectory(prefix="head2head-") as place:
        made, draft = Path(place) / path.name, path.with_name(f"{path.name}.{os.getpid()}")
        MlflowClient(f"sqlite:///{made}").get_experiment_by_name("any")  # made on first use
        try:
            shutil.copyfile(made, draft)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def tracking_uri(folder: Path) -> str:
    """MLFLOW_TRACKING_URI, or the database in the results folder."""
    return f"sqlite:///{database(folder)}" if is_default() else os.environ["MLFLOW_TRACKING_URI"]


def database(folder: Path) -> Path:
    return folder.resolve() / FILE


def is_default() -> bool:
    return not os.environ.get("MLFLOW_TRACKING_URI")


def failures() -> tuple[type[BaseException], ...]:
    """What MLflow and its stores raise when they cannot be reached, cannot be written to, or lack a driver."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError, ImportError, ValueError


def unreachable(folder: Path, error: BaseException) -> str:
    """Names the address and the reason in one line, less any password."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return shown(f"MLflow at {tracking_uri(folder)} does not work ({textwrap.shorten(reason, 200, placeholder='…')})")


def shown(text: str) -> str:
    """Addresses without the names and passwords that they may hold."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def ui_command(folder: Path) -> str:
    """The command that opens MLflow on this folder's runs; for a server, its address."""
    uri = tracking_uri(folder)
    if uri.startswith(("http://", "https://")):
        return shown(uri)
    return f"python run_bench.py ui --results {shlex.quote(str(near(folder)))}"


def near(path: Path) -> Path:
    """A path as one would type it here."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
