"""What a result says as a run of a tracking service: its name, tags, parameters, metrics and times, in plain types."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from datetime import datetime

from bench.spec import CellResult

KEY, STARTED = "head2head.key", "head2head.started"


def tags(result: CellResult) -> dict[str, str]:
    """What to filter runs by; provenance is among it, each entry under its own name."""
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
    provenance = {f"head2head.{allowed(name)}": value for name, value in result.provenance.items()}
    trial = " · trial" if result.stage == "trial" else ""
    name = f"{result.method} · {result.task} · seed {result.seed}{trial}"
    own = {"mlflow.runName": name, "mlflow.source.name": "run_bench.py", KEY: result.key}
    return {name: written(value) for name, value in {**provenance, **known, **own}.items()}


def params(result: CellResult) -> dict[str, str]:
    """The hyper-parameters under their own names, and what the cell is about."""
    cell = {"method": result.method, "task": result.task, "backbone": result.backbone, "seed": result.seed}
    return {allowed(name): written(value) for name, value in {**result.params, **cell}.items()}


def metrics(result: CellResult) -> dict[str, float]:
    """Accuracies as fractions below `accuracy/`, and every cost that is known: FLOPs, bytes, seconds."""
    costs = {name: value for name, value in dataclasses.asdict(result.cost).items() if value is not None}
    return {f"accuracy/{allowed(name)}": value for name, value in result.accuracy.items()} | costs


def interval(result: CellResult) -> tuple[int, int]:
    """Start and end in milliseconds since 1970, from the record; one without a start is taken to start now."""
    started = result.provenance.get("started")
    start = datetime.fromisoformat(started).timestamp() if started else time.time()
    seconds = (result.cost.train_seconds or 0.0) + (result.cost.eval_seconds or 0.0)
    return int(1000 * start), int(1000 * (start + seconds))


def allowed(name: str) -> str:
    """A name with what MLflow does not allow in names replaced."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def written(value: object) -> str:
    """Text as it is, anything else as JSON, so that equal values are written alike."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
