"""What the command line asks for, and the plan that follows from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.records.cells import Tuning
from bench.registry import METHODS, TASKS
from bench.runs.plan import Plan
from bench.runs.plan import plan as make_plan
from bench.spec import BackboneSpec, UserError

DONE, INCOMPLETE, UNUSABLE, OVER_BUDGET = 0, 1, 2, 3


@dataclass(frozen=True)
class Request:
    """What is asked: names and globs of methods and tasks, a backbone, seeds, and where and how long to work."""

    methods: Sequence[str] = ("core",)
    tasks: Sequence[str] = ("demo",)
    backbone: BackboneSpec = field(default_factory=lambda: BackboneSpec("demo"))
    seeds: Sequence[int] = (0,)
    data: Path = Path("data")
    results: Path = Path("results/run")
    budget: Sequence[str] = ()  # device time, FLOPs, or both
    tune: str | None = None  # trials a method, or `auto`
    sampler: str = "tpe"
    oracle: bool = False  # choose by the shifted test sets, and say so in the method's name
    storage: str | None = None  # URL of Optuna's storage
    memory_limit: str | None = None
    storage_limit: str | None = None  # for advice: what a task may keep
    device: str = "auto"
    force: bool = False
    taps: str | None = None  # the backbone whose taps `list` shows
    words: Sequence[str] = ()  # what follows the command
    to: Path | None = None
    versus: Sequence[str] = ()  # whose numbers the report puts beside ours: `published`
    top: int = 3
    json: bool = False


def planned(request: Request) -> Plan:
    """The plan of a request; raises UserError for a name that nothing has."""
    methods, tasks = METHODS.select(request.methods), TASKS.select(request.tasks)
    seeds = list(dict.fromkeys(request.seeds))
    return make_plan(methods, tasks, request.backbone, seeds, request.data, tuning(request, seeds[0]))


def tuning(request: Request, seed: int) -> Tuning | None:
    """How hyper-parameters are to be chosen; None where they are not."""
    if request.tune is None:
        if request.oracle:
            raise UserError("--oracle says how trials are judged; ask for some with --tune")
        return None
    if request.tune == "auto":
        if not request.budget:
            raise UserError(
                "--tune auto takes as many trials as the budget allows; name one with --budget, or a number"
            )
        return Tuning(None, request.sampler, seed, request.oracle)
    if not request.tune.isdecimal() or int(request.tune) == 0:
        raise UserError(f"--tune {request.tune} is no number of trials; write --tune 20, or --tune auto")
    return Tuning(int(request.tune), request.sampler, seed, request.oracle)


def tell_missing(plan: Plan) -> None:
    for task, reason in plan.missing.items():
        note(f"skipped {task}: {reason}")


def note(text: str) -> None:
    print(text, file=sys.stderr)
