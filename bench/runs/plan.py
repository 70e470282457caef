"""The plan: which cells a command asks for, each with the key that decides whether it is done already."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.backbone.weights import resolve, weights_digest
from bench.images.pixel_cache import cached
from bench.records.cells import PROTOCOL, Cell, CellResult, Tuning
from bench.records.left_out import is_left_out
from bench.records.request import PREPROCESS, STORES
from bench.registry import Label
from bench.runs.recipe import at_effort, choice_of, searched
from bench.spec import BackboneSpec, Method, Task, UserError


@dataclass(frozen=True)
class Terms:
    """On which terms the cells of a plan are measured."""

    tuning: Tuning | None = None  # how hyper-parameters are searched; None: the methods' own recipes
    effort: str | None = None  # of the recipes; None: each task's own
    augment: str = "auto"
    store: str = "fp32"  # the format of deltas


@dataclass(frozen=True)
class Plan:
    """Cells in the order in which they run, tasks outermost; and the tasks and methods that cannot run."""

    cells: list[Cell]
    missing: dict[str, str]  # the reason, by name


def plan(
    methods: Mapping[str, Callable[[], Method]],
    tasks: Mapping[str, Task],
    backbone: BackboneSpec,
    seeds: Sequence[int],
    data: Path,
    terms: Terms = Terms(),
) -> Plan:
    """Every method on every task for every seed. No image is opened. A task without usable data goes into `missing`.

    A method has its recipe at the effort of the task, unless the terms name one. With `tuning`, its hyper-parameters
    are searched for, except those that its label sets; without, what its recipe chooses among.
    """
    digest = weights_digest(backbone)
    cells: list[Cell] = []
    missing: dict[str, str] = {}
    for task in tasks.values():
        try:
            found = cached(task.find(data))
        except UserError as error:
            missing[task.name] = str(error)
            continue
        for name, make in methods.items():
            check_names(name, make())
            label, effort = Label.parse(name), terms.effort or task.effort
            if terms.tuning is not None and terms.tuning.oracle:
                label = label.as_oracle()
            method = at_effort(make(), effort, label.fixed)
            tuning = terms.tuning or choice_of(method, effort, label.fixed, seeds[0])
            for seed in seeds:
                cell = Cell("", label, method, task, found, backbone, digest, seed)
                cell = replace(cell, tuning=tuning, effort=effort, augment=terms.augment, store=terms.store)
                cells.append(keyed(cell))
    return Plan(list({cell.key: cell for cell in cells}.values()), missing)  # a task may be named in two ways


def check_names(name: str, method: Method) -> None:
    """Raises UserError where a method searches, chooses or shortens what is no hyper-parameter of it."""
    known = params(method)
    for what, named in (("space", method.space), ("choices", method.choices), ("quick", method.quick)):
        if unknown := sorted(set(named) - set(known)):
            raise UserError(f"{what} of {name} has {unknown}, which it has no field for; mend methods/")


def params(method: Method) -> dict[str, Any]:
    """A method's hyper-parameters by name."""
    return dataclasses.asdict(method)  # type: ignore[call-overload,no-any-return]  # the protocol asks for a dataclass


def backbone_facts(spec: BackboneSpec) -> dict[str, Any]:
    """What in a spec decides the outcome, beside the weights. None stands for timm's own value."""
    full = resolve(spec)
    return {
        "timm": full.name,
        "args": {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(full.args.items())},
        "image_size": full.image_size,
        "mean": list(full.mean) if full.mean else None,
        "std": list(full.std) if full.std else None,
        "precision": full.precision,
        **({"compile": True} if full.compile else {}),  # its kernels round differently
        **({} if full.preprocess == PREPROCESS[0] else {"preprocess": full.preprocess}),
    }


def keyed(cell: Cell) -> Cell:
    """The cell with its key: 16 hexadecimal digits of SHA-256 over everything that decides its outcome."""
    facts = identity(cell) | {"stage": cell.stage, "seed": cell.seed}
    if cell.store != STORES[0] and cell.stage == "final":
        facts["store"] = cell.store
    if cell.tuning is not None:
        facts["tuning"] = dataclasses.asdict(cell.tuning) | {"space": space_facts(cell)}
    return replace(cell, key=digest_of(facts))


def identity(cell: Cell) -> dict[str, Any]:
    """What decides the outcome of a cell beside its seed."""
    return {
        "protocol": PROTOCOL,
        "method": cell.label.text,
        "params": params(cell.method),
        "effort": cell.effort,
        **({} if cell.augment == "auto" else {"augment": cell.augment}),
        "task": cell.task.name,
        "data": cell.found.fingerprint,
        "backbone": backbone_facts(cell.backbone),
        "weights": cell.weights_digest,
    }


def space_facts(cell: Cell) -> dict[str, str]:
    """The space that is searched, as text."""
    return {name: repr(values) for name, values in searched(cell).items()}


def study_name(cell: Cell) -> str:
    """A readable name, with a digest of everything that decides which trials come and what they find."""
    assert cell.tuning is not None
    searched = identity(cell) | {
        "space": space_facts(cell), "folds": cell.method.folds, "sampler": cell.tuning.sampler,
        "seed": cell.tuning.seed, "oracle": cell.tuning.oracle,
    }  # fmt: skip
    return f"{cell.label} · {cell.task.name} · {cell.backbone.name} · {digest_of(searched)[:8]}"


def backbones(cells: Sequence[Cell]) -> list[BackboneSpec]:
    """Each backbone of some cells once, in the order in which they come."""
    found: list[BackboneSpec] = []
    for cell in cells:
        if cell.backbone not in found:
            found.append(cell.backbone)
    return found


def digest_of(facts: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of SHA-256 over facts as JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def split_done(cells: Sequence[Cell], latest: Mapping[str, CellResult], force: bool) -> tuple[list[Cell], list[Cell]]:
    """(to run, settled). A done cell is not run again unless forced, nor is one that was left out; a failed cell is.

    A cell whose tuning the budget cut short is run again too, after the tasks that were never finished.
    """
    seen = {} if force else {key: one for key, one in latest.items() if one.status == "done" or is_left_out(one)}
    done = [cell for cell in cells if cell.key in seen and not is_cut(seen[cell.key])]
    keys = {cell.key for cell in done}
    todo = [cell for cell in cells if cell.key not in keys]
    open_tasks = {cell.task.name for cell in todo if cell.key not in seen}
    return sorted(todo, key=lambda cell: cell.task.name not in open_tasks), done


def is_cut(result: CellResult) -> bool:
    """Whether the budget ended the tuning of a final cell before all the trials that were asked for."""
    return result.tuning is not None and result.tuning.cut
