"""Which trials belong below which final run in MLflow, in whatever order they are logged.

A trial is logged before the final run that it leads to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.cells import CellResult
from bench.tracking import record
from bench.tracking.record import STUDY, TRIAL, Trial

if TYPE_CHECKING:  # functions import mlflow, as in bench.tracking.connection
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

PARENT = "mlflow.parentRunId"


class Family:
    """The final runs and the trials of one results folder.

    A trial stays below the comparison until its final run is logged. The order of logging does not matter, nor whether
    everything is logged at once. A kill may leave trials below the comparison; they move when the final run is
    completed. A trial that comes late goes below its final run directly. Several final runs may share a study, for
    example the seeds of a comparison: the first of them that was done gets the trials.
    """

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.finals: dict[str, tuple[str, bool]] = {}  # by study: the id of the run that has its trials; whether done
        self.trials: dict[Trial, str] = {}  # the run's id; of a trial that was repeated, that of the newest run
        self.places: dict[str, tuple[str, str]] = {}  # by the id of a trial's run: its study, and its parent's id
        self.replayed: set[Trial] = set()  # trials whose replay is logged

    def meet(self, run: Run) -> None:
        """Notes a run that MLflow has already."""
        tags, run_id = run.data.tags, run.info.run_id
        study = tags.get(STUDY)
        if study is None:
            return
        if TRIAL not in tags:
            self._note_final(study, run_id, tags.get("status") == "done")
            return
        trial = (study, tags[TRIAL])
        self.trials[trial] = run_id
        self.places[run_id] = study, tags.get(PARENT, "")
        if any(name.startswith(record.REPLAY) for name in run.data.metrics):
            self.replayed.add(trial)

    def parent(self, result: CellResult, comparison: str) -> str:
        """The id of the parent for a new run: the trial's final run if it is known, else `comparison`."""
        trial = record.trial(result)
        final = self.finals.get(trial[0]) if trial else None
        return final[0] if final else comparison

    def join(self, result: CellResult, run_id: str, parent: str) -> None:
        """Notes a run that was just logged, below `parent` unless it was met before. A final run gets its trials."""
        study, trial = record.study(result), record.trial(result)
        if trial:
            self.trials[trial] = run_id
            self.places.setdefault(run_id, (trial[0], parent))
        elif study:
            self._note_final(study, run_id, result.status == "done")
            self.settle(study)

    def settle(self, study: str | None = None) -> None:
        """Moves the trials of a study, or of all studies, below their final runs."""
        for run_id, (of, parent) in self.places.items():
            final, _ = self.finals.get(of, (parent, False))
            if study in (None, of) and final != parent:
                self.client.set_tag(run_id, PARENT, final)
                self.places[run_id] = of, final

    def replay(self, result: CellResult) -> bool:
        """Adds the test accuracy of a replay to its trial's run. Returns whether it had to be added."""
        from mlflow.entities import Metric

        trial = record.trial(result)
        run_id = self.trials.get(trial) if trial else None
        if trial is None or run_id is None or trial in self.replayed or not result.accuracy:
            return False
        _, end = record.interval(result)
        metrics = [Metric(name, value, end, 0) for name, value in record.replayed(result).items()]
        self.client.log_batch(run_id, metrics)
        self.replayed.add(trial)
        return True

    def _note_final(self, study: str, run_id: str, done: bool) -> None:
        """Gives the trials of a study to its first final run; a run that is done takes them from one that is not."""
        known = self.finals.get(study)
        if known is None or (done and not known[1]) or known[0] == run_id:
            self.finals[study] = run_id, done
