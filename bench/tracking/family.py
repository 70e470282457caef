"""Which trials belong below which final run, whatever comes first: a trial is logged before the run that it chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.cells import CellResult
from bench.tracking import record
from bench.tracking.record import STUDY, TRIAL, Trial

if TYPE_CHECKING:  # imported in functions, as in bench.tracking.connection
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

PARENT = "mlflow.parentRunId"


class Family:
    """The final runs and trials of a results folder. A trial waits below the comparison until its final run is there.

    Nothing depends on the order in which they are logged, nor on all of it being done at once: what a kill left below
    the comparison is moved when the final run is completed, and a trial that is late goes below it at once. Where
    several final runs share a study, seeds of a comparison say, the first that was done has the trials.
    """

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.finals: dict[str, tuple[str, bool]] = {}  # of each study: id of the run that has its trials, and if done
        self.trials: dict[Trial, str] = {}  # id of the run of each trial, of the newest where it was tried again
        self.places: dict[str, tuple[str, str]] = {}  # by the id of a trial's run: its study, and what it is below
        self.replayed: set[Trial] = set()

    def meet(self, run: Run) -> None:
        """Takes in a run that is there already."""
        tags, run_id = run.data.tags, run.info.run_id
        study = tags.get(STUDY)
        if study is None:
            return
        if TRIAL not in tags:
            self._lead(study, run_id, tags.get("status") == "done")
            return
        trial = (study, tags[TRIAL])
        self.trials[trial] = run_id
        self.places[run_id] = study, tags.get(PARENT, "")
        if any(name.startswith(record.REPLAY) for name in run.data.metrics):
            self.replayed.add(trial)

    def parent(self, result: CellResult, comparison: str) -> str:
        """Id of the run below which a new one goes."""
        trial = record.trial(result)
        final = self.finals.get(trial[0]) if trial else None
        return final[0] if final else comparison

    def join(self, result: CellResult, run_id: str, parent: str) -> None:
        """Notes a run just logged, begun below `parent` if it was not met; a final one gets its trials below it."""
        study, trial = record.study(result), record.trial(result)
        if trial:
            self.trials[trial] = run_id
            self.places.setdefault(run_id, (trial[0], parent))
        elif study:
            self._lead(study, run_id, result.status == "done")
            self.settle(study)

    def settle(self, study: str | None = None) -> None:
        """Puts the trials of a study, or of all, below their final runs, where they are not there yet."""
        for run_id, (of, parent) in self.places.items():
            final, _ = self.finals.get(of, (parent, False))
            if study in (None, of) and final != parent:
                self.client.set_tag(run_id, PARENT, final)
                self.places[run_id] = of, final

    def replay(self, result: CellResult) -> bool:
        """Gives a trial's run the test accuracy that was read for it afterwards; whether that had to be done."""
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

    def _lead(self, study: str, run_id: str, done: bool) -> None:
        known = self.finals.get(study)
        if known is None or (done and not known[1]) or known[0] == run_id:
            self.finals[study] = run_id, done
