"""What a run in MLflow holds beside its figures: its trials, curves, data, and what was kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.backbone.network import load
from bench.export import NOTE
from bench.predict import load_adapted
from bench.records.cells import CellResult, Cost, DataFacts, NetworkFacts, TrialFacts, TuningFacts
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs.plan import plan
from bench.spec import BackboneSpec
from bench.tracking import mirror as mirrors
from bench.tracking import sync
from bench.tracking.mirror import COMPARISON, Mirror, all_runs
from tests.synthetic import result

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.usefixtures("mlflow_environment"),
]
STUDY = "lora demo/digits 0"


def final(started: str = "2026-01-02T04:00:00+00:00", **changes: Any) -> CellResult:
    return result("lora", started=started, tuning=TuningFacts(STUDY, trials=3), **changes)


def trial(number: int, stage: Any = "trial", **changes: Any) -> CellResult:
    about = TrialFacts(STUDY, number, default=number == 0)
    started, accuracy = f"2026-01-02T03:00:{number:02d}+00:00", {"val": 0.5 + number / 10}
    made = result("lora", key=f"trial {number}", stage=stage, accuracy=accuracy, started=started, trial=about)
    return replace(made, **changes)


def replay(number: int) -> CellResult:
    return trial(number, "replay", key=f"replay {number}", accuracy={"test": 0.75})


def runs(folder: Path) -> dict[str, Any]:
    """By their names, which must differ."""
    mirror = Mirror(folder)
    found = list(all_runs(mirror.client, mirror.experiment))
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found)
    return named


def check_family(folder: Path, trials: Sequence[int]) -> None:
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


def test_curves_are_histories_over_epochs(mlflow_folder: Path) -> None:
    loss = [(epoch, 2.0 / epoch) for epoch in range(1, 2001)]  # more than a request takes
    sync(mlflow_folder, [final(curves={"loss": loss, "val": [(1, 0.5), (3, 0.75)]})])
    mirror = Mirror(mlflow_folder)
    run_id = runs(mlflow_folder)["lora · demo/digits · seed 0"].info.run_id
    history = mirror.client.get_metric_history(run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == loss
    assert 0 < history[-1].timestamp - history[0].timestamp <= 1500
    validated = mirror.client.get_metric_history(run_id, "curve/val_accuracy")
    assert [(point.step, point.value) for point in validated] == [(1, 0.5), (3, 0.75)]
    mirror.client.update_run(run_id, status="RUNNING")
    sync(mlflow_folder, [final(curves={"loss": loss})])
    assert len(mirror.client.get_metric_history(run_id, "curve/train_loss")) == 2000


def test_the_data_is_an_input_of_the_run(mlflow_folder: Path) -> None:
    data = DataFacts("raw zip", "0123456789abcdef" * 3, ["cat", "dog"])
    sync(mlflow_folder, [result(data=data)])
    run = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"]
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("demo/digits", ("0123456789abcdef" * 3)[:36])
    assert json.loads(used.dataset.source)["pipeline"] == "raw zip"
    assert json.loads(used.dataset.profile) == {"classes": 2}
    assert "head2head.classes" not in run.data.tags


def test_what_describes_the_machine_is_a_system_metric(mlflow_folder: Path) -> None:
    cost = Cost(train_seconds=1.0, spent_seconds=1.0, energy_joules=300.0, utilisation=0.5, peak_bytes=7)
    sync(mlflow_folder, [result(cost=cost)])
    found = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"].data.metrics
    assert {"system/energy_joules": 300.0, "system/utilisation": 0.5, "system/peak_bytes": 7}.items() <= found.items()


@pytest.fixture
def kept(mlflow_folder: Path) -> CellResult:
    """A finished cell whose delta lies in the results folder."""
    import torch
    from safetensors.torch import save_file

    chosen = {"linear_probe": dict(METHODS.items())["linear_probe"]}
    chosen_tasks = TASKS.select(["demo/digits"])
    (cell,) = plan(chosen, chosen_tasks, BackboneSpec("demo"), [0], Path("nowhere")).cells
    network = load(cell.backbone, torch.device("cpu"))
    store = Store(mlflow_folder)
    store.delta(cell.key).parent.mkdir()
    save_file({"weight": torch.zeros(192, 10), "bias": torch.zeros(10)}, store.delta(cell.key))
    facts = NetworkFacts(**network.describe(), digest=cell.weights_digest)
    cost = Cost(stored_bytes=store.delta(cell.key).stat().st_size)
    return result(key=cell.key, params={"l2": None}, cost=cost, data=DataFacts(classes=10), network=facts)


def test_what_was_kept_is_attached_ready_for_use(mlflow_folder: Path, kept: CellResult, tmp_path: Path) -> None:
    sync(mlflow_folder, [kept])
    run = runs(mlflow_folder)["linear_probe · demo/digits · seed 0"]
    client = Mirror(mlflow_folder).client
    place = Path(client.download_artifacts(run.info.run_id, "delta", str(tmp_path)))
    assert sorted(path.name for path in place.iterdir()) == [NOTE, "delta.safetensors"]
    assert load_adapted(place, device="cpu").classes == [str(label) for label in range(10)]
    assert (place / "delta.safetensors").read_bytes() == Store(mlflow_folder).delta(kept.key).read_bytes()


def test_what_is_too_large_or_gone_is_not_attached(
    mlflow_folder: Path, kept: CellResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(kept, key="gone", started="2026-01-02T05:00:00+00:00")
    monkeypatch.setattr(mirrors, "LARGEST", 100)
    assert sync(mlflow_folder, [kept]) == 1
    monkeypatch.setattr(mirrors, "LARGEST", 1 << 20)
    assert sync(mlflow_folder, [gone]) == 1
    mirror = Mirror(mlflow_folder)
    for run in all_runs(mirror.client, "1"):
        assert mirror.client.list_artifacts(run.info.run_id) == []
