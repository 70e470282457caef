"""MLflow as a mirror of the store: one run a cell, below one parent run for the results folder.

Nothing is read back from it but what is already there, so it can be late, down or deleted: `sync` makes it whole again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench import tracked
from bench.spec import CellResult, UserError
from bench.store import Store, parse
from bench.tracked import KEY, STARTED

if TYPE_CHECKING:  # mlflow takes more than a second to import, so it is imported in functions, when something is logged
    from mlflow.entities import Metric, Param, Run
    from mlflow.tracking import MlflowClient

EXPERIMENT = "head2head"
COMPARISON = "head2head.comparison"
OUTCOMES = {"done": "FINISHED", "failed": "FAILED", "skipped": "KILLED"}
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
Identity = tuple[str, str]  # key, started


class Tracker:
    """An observer of the runner: logs each result as it is written, and never costs the run anything.

    The first failure is told on stderr and is the last attempt of this run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.silent = False
        self._mirror: Mirror | None = None

    def __call__(self, result: CellResult) -> None:
        self._attempt(lambda mirror: mirror.log(result))

    def finish(self, artifacts: Sequence[Path] = ()) -> None:
        """Attaches the report's files to the parent run and ends it."""
        self._attempt(lambda mirror: mirror.finish(artifacts))

    def _attempt(self, work: Callable[[Mirror], object]) -> None:
        if self.silent:
            return
        try:
            self._mirror = self._mirror or Mirror(self.folder)
            work(self._mirror)
        except failures() as error:
            self.silent = True
            print(
                f"warning: {unreachable(self.folder, error)}; the results are safe in the store, "
                "and `python run_bench.py sync` brings MLflow up to date later",
                file=sys.stderr,
            )


def sync(folder: Path, results: Iterable[CellResult], artifacts: Sequence[Path] = ()) -> int:
    """Logs exactly the results that MLflow lacks, completes those it has in part; returns how many that were.

    `artifacts` are attached to the parent run. Raises UserError when MLflow cannot be reached.
    """
    try:
        mirror = Mirror(folder)
        logged = sum(mirror.log(result) for result in results)
        mirror.finish(artifacts)
    except failures() as error:
        raise UserError(
            f"{unreachable(folder, error)}; "
            "start it, or unset MLFLOW_TRACKING_URI to keep runs in the results folder, and sync again"
        ) from error
    return logged


class Mirror:
    """The runs of one results folder in MLflow. Its methods raise what `failures` names."""

    def __init__(self, folder: Path) -> None:
        self.client = connect(folder)
        self.experiment = experiment(self.client, folder)
        runs = list(all_runs(self.client, self.experiment))
        self.finished: set[Identity] = set()
        self.begun: dict[Identity, str] = {}  # id of the run that an interruption left unfinished
        self._remember(run for run in runs if KEY in run.data.tags)
        first = next(records(folder), None)
        self.comparison = digest(first, folder)
        ours = [run for run in runs if run.data.tags.get(COMPARISON) == self.comparison]
        self.end = max((run.info.end_time or 0 for run in ours), default=0)  # milliseconds
        self.parent = self._parent(ours) or self._new_parent(folder, first)

    def log(self, result: CellResult) -> bool:
        """Whether anything had to be logged; a run that was begun and not finished is completed."""
        identity = (result.key, str(result.provenance.get("started", "")))
        if identity in self.finished:
            return False
        start, end = tracked.interval(result)
        if identity not in self.begun:  # all tags go with its creation, so that an interrupted run can be found again
            above = {"mlflow.parentRunId": self.parent, COMPARISON: self.comparison}
            run = self.client.create_run(self.experiment, start_time=start, tags={**above, **tracked.tags(result)})
            self.begun[identity] = run.info.run_id
        run_id = self.begun[identity]
        self.client.log_batch(run_id, *entities(result, end))
        self.client.set_terminated(run_id, OUTCOMES[result.status], end)
        del self.begun[identity]
        self.finished.add(identity)
        self.end = max(self.end, end)
        return True

    def finish(self, artifacts: Sequence[Path] = ()) -> None:
        """Attaches files to the parent run, over those of the same name, and ends it when its last cell ended."""
        for path in artifacts:
            self.client.log_artifact(self.parent, str(path), "report")
        self.client.set_terminated(self.parent, "FINISHED", self.end or None)

    def _remember(self, runs: Iterable[Run]) -> None:
        """Notes what is there already; of two runs of one result, made when an answer was lost, one is deleted."""
        for run in sorted(runs, key=lambda run: run.info.status == "RUNNING"):  # finished ones first
            identity = (run.data.tags[KEY], run.data.tags.get(STARTED, ""))
            if identity in self.finished or identity in self.begun:
                self.client.delete_run(run.info.run_id)
            elif run.info.status == "RUNNING":
                self.begun[identity] = run.info.run_id
            else:
                self.finished.add(identity)

    def _parent(self, runs: Sequence[Run]) -> str | None:
        """Id of the run that stands for this folder: the one that its cells name, else any; a double is deleted."""
        named = {run.data.tags.get("mlflow.parentRunId") for run in runs}
        found = [run.info.run_id for run in runs if KEY not in run.data.tags]
        found.sort(key=lambda run_id: run_id not in named)
        for double in found[1:]:
            self.client.delete_run(double)
        return found[0] if found else None

    def _new_parent(self, folder: Path, first: CellResult | None) -> str:
        place = folder.resolve()
        described = {COMPARISON: self.comparison, "head2head.folder": str(place)}
        start = tracked.interval(first)[0] if first else None
        name = f"comparison · {place.name}"
        run_id: str = self.client.create_run(self.experiment, start, described, name).info.run_id
        return run_id


def connect(folder: Path) -> MlflowClient:
    """A client of the tracking store, made sure to answer: for a database mlflow itself would try for 100 seconds."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import sqlalchemy
    from mlflow.tracking import MlflowClient

    uri = tracking_uri(folder)
    if urlsplit(uri).scheme.split("+")[0] in DATABASES:
        engine = sqlalchemy.create_engine(uri)
        try:
            sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()
    return MlflowClient(uri)


def experiment(client: MlflowClient, folder: Path) -> str:
    """Id of the experiment, created when it is missing; artifacts of the default store lie beside it."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        beside = (folder.resolve() / "mlartifacts").as_uri() if is_default() else None
        created: str = client.create_experiment(EXPERIMENT, artifact_location=beside)
        return created
    known: str = found.experiment_id
    return known


def all_runs(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    """Every run of the experiment that is not deleted, oldest first, page by page."""
    token: str | None = None
    while True:
        page = client.search_runs([experiment_id], order_by=["attributes.start_time ASC"], page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def records(folder: Path) -> Iterator[CellResult]:
    """The readable lines of the store, oldest first, read as they are asked for."""
    path = Store(folder).path
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from (result for line in file if (result := parse(line)) is not None)


def digest(first: CellResult | None, folder: Path) -> str:
    """What tells one results folder from all others, wherever it is moved: its first record."""
    text = f"{first.key} {first.provenance.get('started', '')}" if first else str(folder.resolve())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def entities(result: CellResult, timestamp: int) -> tuple[list[Metric], list[Param]]:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, float(value), timestamp, 0) for name, value in tracked.metrics(result).items()]
    return metrics, [Param(name, value) for name, value in tracked.params(result).items()]


def tracking_uri(folder: Path) -> str:
    """MLFLOW_TRACKING_URI, or a database in the results folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder.resolve() / 'mlflow.db'}"


def is_default() -> bool:
    return not os.environ.get("MLFLOW_TRACKING_URI")


def failures() -> tuple[type[BaseException], ...]:
    """What MLflow and its stores raise when they cannot be reached, cannot be written to, or lack a driver."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError, ImportError


def unreachable(folder: Path, error: BaseException) -> str:
    """Names the address and the reason in one line, less any password."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return shown(f"MLflow at {tracking_uri(folder)} does not work ({textwrap.shorten(reason, 200, placeholder='…')})")


def shown(text: str) -> str:
    """Addresses without the names and passwords that they may hold."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def ui_command(folder: Path) -> str:
    """The line that opens MLflow on this folder's runs; where a tracking server is set, its address."""
    if not is_default():
        uri = tracking_uri(folder)
        if uri.startswith(("http://", "https://")):
            return shown(uri)
    else:
        path = folder.resolve() / "mlflow.db"
        uri = f"sqlite:///{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)} --host 127.0.0.1"
