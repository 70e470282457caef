"""What the tests of the mirror share: results of a study, and the runs that MLflow has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.records.cells import CellResult, TrialFacts, TuningFacts
from bench.tracking import connection
from bench.tracking.mirror import EXPERIMENT, Mirror, all_runs
from tests.synthetic import result

MARKS = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),  # MLflow on SQLAlchemy 2.1
    pytest.mark.usefixtures("mlflow_environment"),
]
STUDY = "lora demo/digits 0"


def final(started: str = "2026-01-02T04:00:00+00:00", **changes: Any) -> CellResult:
    """The final result of the study."""
    return result("lora", started=started, tuning=TuningFacts(STUDY, trials=3), **changes)


def trial(number: int, stage: Any = "trial", **changes: Any) -> CellResult:
    """A trial of the study."""
    about = TrialFacts(STUDY, number, default=number == 0)
    started, accuracy = f"2026-01-02T03:00:{number:02d}+00:00", {"val": 0.5 + number / 10}
    made = result("lora", key=f"trial {number}", stage=stage, accuracy=accuracy, started=started, trial=about)
    return replace(made, **changes)


def replay(number: int) -> CellResult:
    """The test accuracy of a trial, read afterwards."""
    return trial(number, "replay", key=f"replay {number}", accuracy={"test": 0.75})


def cells(folder: Path) -> list[Any]:
    """All runs except the comparison's."""
    client = connection.connect(folder)
    found = client.get_experiment_by_name(EXPERIMENT)
    runs = all_runs(client, found.experiment_id) if found else iter(())
    return [run for run in runs if "head2head.key" in run.data.tags]


def keys(folder: Path) -> list[str]:
    """The keys of all runs except the comparison's."""
    return sorted(run.data.tags["head2head.key"] for run in cells(folder))


def runs(folder: Path) -> dict[str, Any]:
    """All runs by their names, which must differ."""
    mirror = Mirror(folder)
    found = list(all_runs(mirror.client, mirror.experiment))
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found)
    return named
