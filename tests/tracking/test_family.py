"""Trials are below their final run, in whatever order they are logged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.records.cells import DataFacts
from bench.tracking import sync
from bench.tracking.mirror import COMPARISON, Mirror, all_runs
from tests.tracking.mlflow_runs import MARKS, STUDY, final, replay, runs, trial

pytestmark = MARKS


def check_family(folder: Path, trials: Sequence[int]) -> None:
    """Exactly these trials are below the final run, which is below the comparison."""
    named = runs(folder)
    top, chosen = named.pop("comparison · my results"), named.pop("lora · demo/digits · seed 0")
    assert chosen.data.tags["mlflow.parentRunId"] == top.info.run_id
    assert sorted(named) == [f"lora · demo/digits · seed 0 · trial {number}" for number in trials]
    assert {run.data.tags["mlflow.parentRunId"] for run in named.values()} == {chosen.info.run_id}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_trials_are_below_their_final_run_in_whatever_order_they_come(mlflow_folder: Path, order: Any) -> None:
    records = [trial(0), trial(1), final()]
    assert sync(mlflow_folder, [records[at] for at in order[:2]]) == 2
    assert sync(mlflow_folder, [records[at] for at in order]) == 1
    assert sync(mlflow_folder, records) == 0
    check_family(mlflow_folder, [0, 1])


@pytest.mark.parametrize("step", ["set_tag", "log_batch", "log_inputs", "set_terminated"])
@pytest.mark.parametrize("calls", [0, 1])
def test_a_kill_between_trials_and_final_leaves_nothing_astray(mlflow_folder: Path, step: str, calls: int) -> None:
    records = [trial(0), trial(1), trial(2), final()]
    records = [replace(one, data=DataFacts(fingerprint="abc")) for one in records]
    mirror = Mirror(mlflow_folder)
    for one in records[:-1]:
        mirror.log(one)
    real, left = getattr(mirror.client, step), [calls]

    def killed(*arguments: Any, **more: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return real(*arguments, **more)

    setattr(mirror.client, step, killed)
    try:
        mirror.log(records[-1])
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted == (calls == 0 or step == "set_tag")
    assert sync(mlflow_folder, records) == int(interrupted)
    check_family(mlflow_folder, [0, 1, 2])


def test_a_trial_left_unfinished_joins_a_final_run_that_was_quicker(mlflow_folder: Path) -> None:
    mirror = Mirror(mlflow_folder)
    mirror.log(trial(0))
    (run,) = [run for run in all_runs(mirror.client, mirror.experiment) if "trial" in run.data.tags]
    mirror.client.update_run(run.info.run_id, status="RUNNING")
    assert sync(mlflow_folder, [final(), trial(0)]) == 2
    check_family(mlflow_folder, [0])


@pytest.mark.parametrize("first", ["done", "failed"])
def test_trials_stay_with_the_first_final_run_that_was_done(mlflow_folder: Path, first: Any) -> None:
    times = ["2026-01-02T04:00:00+00:00", "2026-05-05T00:00:00+00:00", "2026-06-06T00:00:00+00:00"]
    records = [trial(0), final(times[0], status=first, reason=None), final(times[1]), final(times[2])]
    for _ in range(2):
        sync(mlflow_folder, records)
        mirror = Mirror(mlflow_folder)
        found = {run.data.tags["head2head.started"]: run for run in all_runs(mirror.client, "1") if run.data.params}
        above = found["2026-01-02T03:00:00+00:00"].data.tags["mlflow.parentRunId"]
        assert above == found[times[first == "failed"]].info.run_id


def test_trials_tried_again_and_trials_alike_are_all_there(mlflow_folder: Path) -> None:
    """One that was interrupted comes again under its number; two may ask for the same, within a second."""
    interrupted = trial(0, status="failed", reason="interrupted; run again to do it", accuracy={})
    again = trial(0, started="2026-01-02T03:30:00+00:00")
    alike = trial(1, started=trial(0).started, key=trial(0).key)
    records = [interrupted, again, alike, final(), replay(0)]
    assert sync(mlflow_folder, records) == 5
    assert sync(mlflow_folder, records) == 0
    mirror = Mirror(mlflow_folder)
    found = [run for run in all_runs(mirror.client, "1") if "trial" in run.data.tags]
    assert sorted(run.data.tags["trial"] for run in found) == ["0", "0", "1"]
    assert len({run.data.tags["mlflow.parentRunId"] for run in found} - {mirror.parent}) == 1
    (replayed,) = [run for run in found if "replay/test" in run.data.metrics]
    assert replayed.info.status == "FINISHED"


def test_trials_of_another_folder_with_the_same_study_stay_there(mlflow_folder: Path, tmp_path: Path) -> None:
    sync(mlflow_folder, [trial(0)])
    mirror = Mirror(mlflow_folder)
    mirror.comparison = "another"
    mirror.parent = mirror._new_parent(tmp_path / "other", None)
    mirror.family = type(mirror.family)(mirror.client)
    mirror.log(final())
    mirror.finish()
    (stayed,) = [run for run in all_runs(mirror.client, "1") if "trial" in run.data.tags]
    assert mirror.client.get_run(stayed.data.tags["mlflow.parentRunId"]).data.tags[COMPARISON] != "another"


def test_a_replay_is_a_figure_of_its_trial(mlflow_folder: Path) -> None:
    records = [trial(0), trial(1), final(), replay(1), replay(7)]
    assert sync(mlflow_folder, records) == 4  # there is no trial 7
    assert sync(mlflow_folder, records) == 0
    named = runs(mlflow_folder)
    assert len(named) == 4
    assert named["lora · demo/digits · seed 0 · trial 1"].data.metrics["replay/test"] == 0.75
    assert "replay/test" not in named["lora · demo/digits · seed 0 · trial 0"].data.metrics
    assert named["lora · demo/digits · seed 0 · trial 1"].data.tags["study"] == STUDY


def test_a_pruned_trial_keeps_its_reason(mlflow_folder: Path) -> None:
    sync(mlflow_folder, [trial(0, status="skipped", reason="fell behind")])
    run = runs(mlflow_folder)["lora · demo/digits · seed 0 · trial 0"]
    assert (run.info.status, run.data.tags["reason"]) == ("KILLED", "fell behind")
