"""The connection to MLflow's tracking store: its address, how it is made, and what it raises when it does not work.

The address is MLFLOW_TRACKING_URI, or an SQLite database in the results folder.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from bench.tracking.empty import make_empty

if TYPE_CHECKING:  # importing mlflow takes more than a second, so functions import it when they need it
    from mlflow.tracking import MlflowClient

EXPERIMENT = "head2head"
FILE = "mlflow.db"
VIEW = "head2head"  # the name of our view, with our columns, on MLflow's page of runs
LATER = "the results are safe in the store, and `python run_bench.py sync` brings MLflow up to date later"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# Set only where the user has not set them. A request is tried once, and `sync` is the retry. MLflow's own retry would
# log a run twice where the server had done the request and its answer was lost.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",  # seconds
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connect(folder: Path) -> MlflowClient:
    """A client of the tracking store of a results folder. Raises one of `failures` when the store does not answer.

    A database is tried here once, because MLflow itself would try it for 100 seconds.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import sqlalchemy
    from mlflow.tracking import MlflowClient

    uri = tracking_uri(folder)
    write_without_waiting()
    if is_default() and not database(folder).exists():
        create_database(database(folder))
    if urlsplit(uri).scheme.split("+")[0] in DATABASES:
        engine = sqlalchemy.create_engine(uri)
        try:
            sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()
    return MlflowClient(uri)


def write_without_waiting() -> None:
    """Makes every later connection to our own database skip the wait for the disk."""
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "connect", _skip_disk_wait):
        event.listen(Engine, "connect", _skip_disk_wait)


def _skip_disk_wait(connection: object, _: object) -> None:
    """Switches SQLite's `synchronous` off if the connection is to our own database.

    Otherwise MLflow waits for the disk ten times for each run, and 50 times when it creates the database. A kill does
    not damage it. A loss of power may; then it can be deleted, and `sync` makes it again from the store.
    """
    if isinstance(connection, sqlite3.Connection):
        (file,) = [file for _, name, file in connection.execute("PRAGMA database_list") if name == "main"]
        if Path(file).name == FILE:
            connection.execute("PRAGMA synchronous = OFF")


def create_database(path: Path) -> None:
    """Creates an empty database for MLflow at `path`. A database that another process has put there is kept.

    MLflow makes its tables in some 50 migrations. A kill in the middle would leave a file that it can never open again.
    So they are made in a temporary folder, and the complete file is put in place.
    """
    write_without_waiting()
    with tempfile.TemporaryDirectory(prefix="head2head-") as place:
        made, draft = Path(place) / path.name, path.with_name(f"{path.name}.{os.getpid()}")
        make_empty(made)
        try:
            shutil.copyfile(made, draft)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            put(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def put(draft: Path, path: Path) -> None:
    """Gives a complete file its name, unless another process has put one there."""
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links; two processes at once then put equal files
        if not path.exists():
            draft.replace(path)


def tracking_uri(folder: Path) -> str:
    """The address of the tracking store: MLFLOW_TRACKING_URI, or the database in the results folder.

    A path with a character that means something in an address is written as SQLite's own kind of address.
    """
    if not is_default():
        return os.environ["MLFLOW_TRACKING_URI"]
    path = str(database(folder))
    if not set("?#%") & set(path):
        return f"sqlite:///{path}"
    from sqlalchemy import URL  # its versions differ in what they quote

    return URL.create("sqlite", database=f"file:{quote(path)}", query={"uri": "true"}).render_as_string()


def database(folder: Path) -> Path:
    """The path of our own database in a results folder."""
    return folder.resolve() / FILE


def is_default() -> bool:
    """Whether runs are kept in the results folder, because MLFLOW_TRACKING_URI is not set."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def failures() -> tuple[type[BaseException], ...]:
    """The exceptions of a tracking store that cannot be reached, cannot be written to, or lacks its driver."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError, ImportError, ValueError


def failure_message(folder: Path, error: BaseException) -> str:
    """One line with the address and the reason, without passwords."""
    reason = " ".join(str(error).split()) or type(error).__name__
    short = textwrap.shorten(reason, 200, placeholder="…")
    return without_credentials(f"MLflow at {tracking_uri(folder)} does not work ({short})")


def without_credentials(text: str) -> str:
    """The text, with user names and passwords removed from the addresses in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def ui_command(folder: Path) -> str:
    """The command that opens MLflow on this folder's runs; for a server, its address."""
    uri = tracking_uri(folder)
    if uri.startswith(("http://", "https://")):
        return without_credentials(uri)
    return f"python run_bench.py ui --results {shlex.quote(str(as_typed(folder)))}"


def as_typed(path: Path) -> Path:
    """The path as a user would type it: relative if it lies below the current folder."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
