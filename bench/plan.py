"""The plan: which cells a command asks for, each with the key that decides whether it is done already."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.cache import kept
from bench.spec import PROTOCOL, BackboneSpec, Cell, CellResult, Found, Method, Task, UserError
from bench.weights import resolve, weights_digest


@dataclass(frozen=True)
class Plan:
    """Cells in the order in which they run, tasks outermost; and the tasks that cannot run, with the reason."""

    cells: list[Cell]
    missing: dict[str, str]


def plan(
    methods: Mapping[str, type[Method]],
    tasks: Mapping[str, Task],
    backbone: BackboneSpec,
    seeds: Sequence[int],
    data: Path,
) -> Plan:
    """Every method on every task for every seed. Opens no image; a task without usable data is listed, not raised."""
    digest = weights_digest(backbone)
    cells: list[Cell] = []
    missing: dict[str, str] = {}
    for task in tasks.values():
        try:
            found = kept(task.find(task, data))
        except UserError as error:
            missing[task.name] = str(error)
            continue
        for name, make in methods.items():
            for seed in seeds:
                method = make()
                key = cell_key(name, method, task, found, backbone, digest, seed)
                cells.append(Cell(key, name, method, task, found, backbone, digest, seed))
    return Plan(list({cell.key: cell for cell in cells}.values()), missing)  # a task may be named in two ways


def params(method: Method) -> dict[str, Any]:
    """A method's hyper-parameters by name."""
    return dataclasses.asdict(method)  # type: ignore[call-overload,no-any-return]  # the protocol asks for a dataclass


def backbone_facts(spec: BackboneSpec) -> dict[str, Any]:
    """What of a spec decides the outcome, beside the weights; None where timm's own value for that name holds."""
    full = resolve(spec)
    return {
        "timm": full.name,
        "args": {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(full.args.items())},
        "image_size": full.image_size,
        "mean": list(full.mean) if full.mean else None,
        "std": list(full.std) if full.std else None,
    }


def cell_key(
    name: str, method: Method, task: Task, found: Found, backbone: BackboneSpec, digest: str, seed: int
) -> str:
    """16 hexadecimal digits of SHA-256 over everything that decides a cell's outcome."""
    facts = {
        "protocol": PROTOCOL,
        "stage": "final",
        "method": name,
        "params": params(method),
        "task": task.name,
        "data": found.fingerprint,
        "backbone": backbone_facts(backbone),
        "weights": digest,
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def split_done(cells: Sequence[Cell], latest: Mapping[str, CellResult], force: bool) -> tuple[list[Cell], list[Cell]]:
    """(to run, done): what the store has as done is not run again unless forced; failed cells are."""
    done = [cell for cell in cells if not force and (seen := latest.get(cell.key)) and seen.status == "done"]
    keys = {cell.key for cell in done}
    return [cell for cell in cells if cell.key not in keys], done


def earlier(cell: Cell, records: Sequence[CellResult]) -> tuple[float, float] | None:
    """Median (spent seconds, training FLOPs) of the same method with the same backbone in earlier cells, if any."""
    identity = (cell.method_name, cell.backbone.name, params(cell.method))
    same = [r.cost for r in records if r.status == "done" and (r.method, r.backbone, r.params) == identity]
    if not same:
        return None
    return median(cost.spent_seconds for cost in same), median(cost.train_flops or 0 for cost in same)
