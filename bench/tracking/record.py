"""A result as a run of a tracking service: its name, tags, parameters, metrics and times, in plain Python types."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bench.records.cells import CellResult
from bench.tracking.run_names import result_name

KEY, STARTED = "head2head.key", "head2head.started"
STUDY, TRIAL = "study", "trial"  # tags: a trial has both, a final run has the study alone
REPLAY = "replay/"  # prefix of the metrics that a replay adds to its trial
SYSTEM = ("peak_bytes", "energy_joules", "utilisation")  # MLflow shows these on its page of system metrics
CURVES = {"loss": "curve/train_loss", "val": "curve/val_accuracy"}
Trial = tuple[str, str]  # study, number of the trial


def study(result: CellResult) -> str | None:
    """The study that a trial belongs to, or that chose a final result's hyper-parameters; None without one."""
    about = result.tuning if result.stage == "final" else result.trial
    return about.study if about else None


def trial(result: CellResult) -> Trial | None:
    """The trial that a result is, or that a replay was read for; None for a final result."""
    if result.stage == "final" or result.trial is None:
        return None
    return result.trial.study, str(result.trial.number)


def identity(result: CellResult) -> tuple[str, str, str]:
    """What identifies a result: key, start and trial number.

    The number is needed because two trials may have the same hyper-parameters and start in the same second.
    """
    tried = trial(result)
    return result.key, result.started, tried[1] if tried else ""


def tags(result: CellResult) -> dict[str, str]:
    """Tags to filter runs by. The facts of the record are among them, under `head2head.` and their own names."""
    known = {
        "method": result.method,
        "task": result.task,
        "group": result.group,
        "backbone": result.backbone,
        "seed": result.seed,
        "stage": result.stage,
        "status": result.status,
    }
    if result.reason:
        known["reason"] = result.reason
    facts = {f"head2head.{name}": value for name, value in provenance(result).items() if value not in (None, "", {})}
    of, tried = study(result), trial(result)
    known |= {STUDY: of} if of else {}
    known |= {TRIAL: tried[1]} if tried else {}
    own = {"mlflow.runName": result_name(result), "mlflow.source.name": "run_bench.py", KEY: result.key}
    return {name: written(value) for name, value in {**facts, **known, **own}.items()}


def provenance(result: CellResult) -> dict[str, Any]:
    """Where a result comes from: its facts by name, without those that are too long for a tag."""
    network = asdict(result.network)
    digest, checkpoint = network.pop("digest"), network.pop("checkpoint")
    optional = {"expected": result.expectation, "trial": result.trial, "tuning": result.tuning}
    return {
        **asdict(result.environment), "pipeline": result.data.pipeline, "data_fingerprint": result.data.fingerprint,
        "weights_digest": digest, "checkpoint": checkpoint, "backbone": network if result.network.name else None,
        "started": result.started, "effort": result.effort, "augment": result.augment,
        "test_counts": result.data.test_counts,
        **{name: asdict(facts) for name, facts in optional.items() if facts is not None},
    }  # fmt: skip


def params(result: CellResult) -> dict[str, str]:
    """The hyper-parameters under their own names, with the method, task, backbone and seed of the cell."""
    cell = {"method": result.method, "task": result.task, "backbone": result.backbone, "seed": result.seed}
    return {allowed(name): written(value) for name, value in {**result.params, **cell}.items()}


def metrics(result: CellResult) -> dict[str, float]:
    """Accuracies (fractions, below `accuracy/`) and every known cost (FLOPs, bytes, seconds, joules).

    Figures of the machine lie below `system/`, because MLflow has a page of its own for these.
    """
    costs = {
        f"system/{name}" if name in SYSTEM else name: value
        for name, value in asdict(result.cost).items()
        if value is not None
    }
    return {f"accuracy/{allowed(name)}": value for name, value in result.accuracy.items()} | costs


def beside_accuracy(of_sets: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """Metrics by test set as `balanced_accuracy/test`, without those that are not defined."""
    return {
        f"{name}/{allowed(test)}": value
        for test, found in of_sets.items()
        for name, value in found.items()
        if value is not None
    }


def replayed(result: CellResult) -> dict[str, float]:
    """The accuracies of a replay, under the names that they get in its trial's run."""
    return {f"{REPLAY}{allowed(name)}": value for name, value in result.accuracy.items()}


def curves(result: CellResult) -> list[tuple[str, float, int, int]]:
    """The points of every curve: (name, value, milliseconds since 1970, epoch or step).

    The times are spread evenly over the training. A value that is not finite, such as the loss of a training that
    diverged, is left out.
    """
    start, _ = interval(result)
    length = 1000 * (result.cost.train_seconds or 0.0)
    points = []
    for name, curve in result.curves.items():
        last = max((epoch for epoch, _ in curve), default=1) or 1
        for epoch, value in curve:
            if value is not None and math.isfinite(value):
                points.append(
                    (CURVES.get(name, f"curve/{allowed(name)}"), value, int(start + length * epoch / last), epoch)
                )
    return points


def dataset(result: CellResult) -> dict[str, str] | None:
    """Name, digest and source of the images; None for a record that does not identify them."""
    fingerprint = result.data.fingerprint
    if not fingerprint:
        return None
    source = {"task": result.task, "pipeline": result.data.pipeline, "fingerprint": fingerprint}
    classes = result.data.classes
    profile = {"classes": len(classes) if isinstance(classes, list) else classes}
    return {
        "name": result.task,
        "digest": fingerprint[:36],  # MLflow takes no more
        "source_type": "images",
        "source": written(source),
        "profile": written(profile),
    }


def interval(result: CellResult) -> tuple[int, int]:
    """Start and end in milliseconds since 1970, from the record. A record without a start gets the present time."""
    start = datetime.fromisoformat(result.started).timestamp() if result.started else time.time()
    seconds = (result.cost.train_seconds or 0.0) + (result.cost.eval_seconds or 0.0)
    return int(1000 * start), int(1000 * (start + seconds))


def allowed(name: str) -> str:
    """The name with each character that MLflow does not allow in names replaced by `_`."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def written(value: object) -> str:
    """The value as text: text as it is, anything else as JSON with sorted keys, so that equal values are equal."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
