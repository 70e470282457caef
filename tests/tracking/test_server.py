"""A tracking server on loopback, with SQLite and with PostgreSQL behind it, that is killed in the middle of a run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.records.cells import CellResult, TrialFacts, TuningFacts
from bench.records.store import Store
from bench.tracking import Tracker, sync
from bench.tracking.mirror import Mirror, all_runs
from tests.synthetic import comparison, result
from tests.tracking.mlflow_runs import MARKS, cells
from tests.tracking.servers import database, free_port, kill, server

pytestmark = MARKS


STUDY = "a study"


def records() -> list[CellResult]:
    """Cells, with the trials of one of them before it and a replay behind it."""
    chosen: list[CellResult] = []
    for number, one in enumerate(comparison(3, 4)):
        if number == 4:
            about = {"tuning": TuningFacts(STUDY), "started": "2026-01-02T04:00:00+00:00"}
            chosen += [tried(at) for at in range(3)]
            one = replace(one, **about, curves={"loss": [(1, 2.0), (2, 1.0)]})
        chosen.append(one)
    return [*chosen, tried(1, "replay")]


def tried(number: int, stage: Any = "trial") -> CellResult:
    about = TrialFacts(STUDY, number, default=number == 0)
    started = f"2026-01-02T03:30:{number:02d}+00:00"
    return result(key=f"{stage} {number}", stage=stage, accuracy={"test": 0.5}, trial=about, started=started)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
@pytest.mark.parametrize("before", [2, 6, 9])  # among cells, among trials, between their final run and the replay
def test_a_server_killed_in_the_middle_lacks_nothing_after_sync(
    kind: str, before: int, tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    port, results = free_port(), records()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # a server on a busy machine is slow, not down
    plot = tmp_path / "report.html"
    plot.write_bytes(b"report")
    with database(kind, tmp_path, mlflow_database) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        store = Store(tmp_path)
        with Tracker(tmp_path) as tracker, server(tmp_path, uri, port) as process:
            tracker.start(0)
            for one in results[:before]:
                store.append(one)
                tracker(one)
            wait_until_logged(tmp_path, before)
            kill(process)
            for one in results[before:]:
                store.append(one)
                tracker(one)
        assert capsys.readouterr().err.count("warning") == 1
        with server(tmp_path, uri, port):
            assert sync(tmp_path, results, [plot]) == len(results) - before
            assert sync(tmp_path, results) == 0
            check(tmp_path, results)
    assert [path.read_bytes() for path in (tmp_path / "files").rglob("report.html")] == [b"report"]


def wait_until_logged(folder: Path, count: int) -> None:
    """Until MLflow has so many finished runs of cells and trials."""
    deadline = time.monotonic() + 120
    while len([run for run in cells(folder) if run.info.status == "FINISHED"]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def check(folder: Path, results: list[CellResult]) -> None:
    """Every result but the replay is one finished run, at its place."""
    mirror = Mirror(folder)
    runs = [run for run in all_runs(mirror.client, mirror.experiment) if "head2head.key" in run.data.tags]
    wanted = sorted(one.key for one in results if one.stage != "replay")
    assert sorted(run.data.tags["head2head.key"] for run in runs) == wanted
    assert {run.info.status for run in runs} == {"FINISHED"}
    (final,) = [run for run in runs if run.data.tags.get("study") == STUDY and "trial" not in run.data.tags]
    for run in runs:
        above = final.info.run_id if "trial" in run.data.tags else mirror.parent
        assert run.data.tags["mlflow.parentRunId"] == above
        assert ("replay/test" in run.data.metrics) == (run.data.tags.get("trial") == "1")
    history = mirror.client.get_metric_history(final.info.run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == [(1, 2.0), (2, 1.0)]
