"""The MLflow runs of one results folder: finds those that exist, and logs a result as a new one."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.export import export
from bench.records.cells import CellResult
from bench.records.left_out import is_left_out
from bench.records.store import Store
from bench.spec import UserError
from bench.tracking import record
from bench.tracking.connection import EXPERIMENT, VIEW, connect, database, is_default
from bench.tracking.family import PARENT, Family
from bench.tracking.record import KEY, STARTED, TRIAL
from bench.tracking.run_names import folder_name

if TYPE_CHECKING:  # functions import mlflow, as in bench.tracking.connection
    from mlflow.entities import DatasetInput, Metric, Param, Run
    from mlflow.tracking import MlflowClient

COMPARISON = "head2head.comparison"
COLUMNS = ("accuracy/test", "train_flops", "stored_bytes", "stored_params")
OUTCOMES = {"done": "FINISHED", "failed": "FAILED", "skipped": "KILLED"}
LARGEST = 32 << 20  # bytes; a larger delta is not attached to its run and lies in the results folder alone
AT_ONCE = 900  # metrics in one request; MLflow takes 1,000 at most
Identity = tuple[str, str, str]  # key, started, number of a trial


class Mirror:
    """The MLflow runs of one results folder. Every method may raise one of `failures`."""

    def __init__(self, folder: Path) -> None:
        self.client = connect(folder)
        self.store = Store(folder)
        self.experiment = experiment(self.client, folder)
        runs = list(all_runs(self.client, self.experiment))
        self.finished: set[Identity] = set()
        self.begun: dict[Identity, str] = {}  # ids of runs that an interruption left unfinished
        first = next(iter(self.store.index().results), None)
        self.comparison = digest(first, folder)
        self.family = Family(self.client)
        self._remember(run for run in runs if KEY in run.data.tags)
        ours = [run for run in runs if run.data.tags.get(COMPARISON) == self.comparison]
        self.end = max((run.info.end_time or 0 for run in ours), default=0)  # milliseconds since 1970
        self.parent = self._parent(ours) or self._new_parent(folder, first)

    def log(self, result: CellResult) -> bool:
        """Logs a result, and completes a run that was begun and not finished. Returns whether anything was logged.

        A replay is not a run of its own: its accuracy is logged with its trial. What was left out has not run.
        """
        if is_left_out(result):
            return False
        if result.stage == "replay":
            return self.family.replay(result)
        identity = record.identity(result)
        if identity in self.finished:
            return False
        start, end = record.interval(result)
        parent = self.family.parent(result, self.parent)
        if identity not in self.begun:  # created with all its tags, so that it is found again after an interruption
            above = {PARENT: parent, COMPARISON: self.comparison}
            run = self.client.create_run(self.experiment, start_time=start, tags={**above, **record.tags(result)})
            self.begun[identity] = run.info.run_id
        run_id = self.begun[identity]
        self._describe(result, run_id, end)
        self.family.join(result, run_id, parent)
        self.client.set_terminated(run_id, OUTCOMES[result.status], end)
        del self.begun[identity]
        self.finished.add(identity)
        self.end = max(self.end, end)
        return True

    def _describe(self, result: CellResult, run_id: str, end: int) -> None:
        """Logs parameters, metrics, curves, data and the delta. Doing it again changes nothing."""
        from bench.report.numbers.metrics import Predictions  # here: it takes numpy

        beside = Predictions(self.store.folder).metrics(result)
        metrics, params = entities(result, end, record.beside_accuracy(beside))
        self.client.log_batch(run_id, metrics[:AT_ONCE], params)
        for at in range(AT_ONCE, len(metrics), AT_ONCE):
            self.client.log_batch(run_id, metrics[at : at + AT_ONCE])
        if inputs := datasets(result):
            self.client.log_inputs(run_id, inputs)
        if (result.stage, result.status) == ("final", "done") and (result.cost.stored_bytes or 0) <= LARGEST:
            self._attach_delta(result, run_id)

    def _attach_delta(self, result: CellResult, run_id: str) -> None:
        """Attaches the delta as `export` writes it, so that a download from MLflow can be used.

        A cell that cannot be exported, for example because its delta is gone, gets no artifact.
        """
        with tempfile.TemporaryDirectory(prefix="head2head-") as place:
            try:
                export(result, self.store, Path(place))
            except UserError:
                return
            self.client.log_artifacts(run_id, place, "delta")

    def finish(self, artifacts: Sequence[Path] = ()) -> None:
        """Attaches files to the parent run, replacing those of the same name, and ends it.

        The parent run ends when its last cell ended.
        """
        self.family.settle()
        for path in artifacts:
            self.client.log_artifact(self.parent, str(path), "report")
        self.client.set_terminated(self.parent, "FINISHED", self.end or None)

    def _remember(self, runs: Iterable[Run]) -> None:
        """Notes the runs that exist. If one result has two, because an answer was lost, one of them is deleted."""
        for run in sorted(runs, key=lambda run: run.info.status == "RUNNING"):  # finished ones first
            identity = (run.data.tags[KEY], run.data.tags.get(STARTED, ""), run.data.tags.get(TRIAL, ""))
            if identity in self.finished or identity in self.begun:
                self.client.delete_run(run.info.run_id)
                continue
            if run.data.tags.get(COMPARISON) == self.comparison:
                self.family.meet(run)
            if run.info.status == "RUNNING":
                self.begun[identity] = run.info.run_id
            else:
                self.finished.add(identity)

    def _parent(self, runs: Sequence[Run]) -> str | None:
        """The id of this folder's parent run, or None. Of several, one that cells name is kept, the others deleted."""
        named = {run.data.tags.get(PARENT) for run in runs}
        found = [run.info.run_id for run in runs if KEY not in run.data.tags]
        found.sort(key=lambda run_id: run_id not in named)
        for duplicate in found[1:]:
            self.client.delete_run(duplicate)
        return found[0] if found else None

    def _new_parent(self, folder: Path, first: CellResult | None) -> str:
        """Creates this folder's parent run, which starts with the first record, and returns its id."""
        place = folder.resolve()
        described = {COMPARISON: self.comparison, "head2head.folder": str(place)}
        start = record.interval(first)[0] if first else None
        run_id: str = self.client.create_run(self.experiment, start, described, folder_name(place)).info.run_id
        return run_id


def experiment(client: MlflowClient, folder: Path) -> str:
    """The id of our experiment, which is created when it is missing.

    The artifacts of the default store lie beside it, in `mlartifacts`.
    """
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        beside = database(folder).with_name("mlartifacts").as_uri() if is_default() else None
        created: str = client.create_experiment(EXPERIMENT, artifact_location=beside, tags=view())
        return created
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)  # and its runs
        print(f"MLflow's experiment {EXPERIMENT!r} was deleted; it is restored", file=sys.stderr)
    known: str = found.experiment_id
    return known


def view() -> dict[str, str]:
    """The tags of the experiment: its kind (model training), and our view of MLflow's page of runs.

    MLflow keeps shared views in such tags. Our view shows the final cells, the most accurate first, with their costs.
    """
    state = {
        "searchFilter": "tags.stage = 'final'",
        "orderByKey": f"metrics.`{COLUMNS[0]}`",
        "orderByAsc": False,
        "selectedColumns": ["tags.`method`", "tags.`task`", *(f"metrics.`{name}`" for name in COLUMNS)],
    }
    return {f"mlflow.sharedViewState.{VIEW}": json.dumps(state), "mlflow.experimentKind": "custom_model_development"}


def all_runs(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    """Every run of the experiment that is not deleted, the oldest first."""
    token: str | None = None
    while True:
        page = client.search_runs([experiment_id], order_by=["attributes.start_time ASC"], page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def digest(first: CellResult | None, folder: Path) -> str:
    """A digest that identifies a results folder even after it was moved: that of its first record."""
    text = f"{first.key} {first.started}" if first else str(folder.resolve())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def entities(result: CellResult, timestamp: int, beside: Mapping[str, float]) -> tuple[list[Metric], list[Param]]:
    """A result's metrics, with some `beside` those of its record, and its parameters, as MLflow's own objects;
    `timestamp` in milliseconds since 1970.
    """
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, float(value), timestamp, 0) for name, value in {**record.metrics(result), **beside}.items()]
    metrics += [Metric(name, float(value), when, step) for name, value, when, step in record.curves(result)]
    return metrics, [Param(name, value) for name, value in record.params(result).items()]


def datasets(result: CellResult) -> list[DatasetInput]:
    """The images of a cell as MLflow's dataset input; empty where the record does not identify them."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    known = record.dataset(result)
    return [DatasetInput(Dataset(**known), [InputTag("mlflow.data.context", "adaptation")])] if known else []
