"""From a request to the plan that follows from it."""

from __future__ import annotations

import sys

from bench.records.cells import Tuning
from bench.records.request import AUTO, Request
from bench.registry import METHODS, TASKS
from bench.runs.plan import Plan
from bench.runs.plan import plan as make_plan


def planned(request: Request) -> Plan:
    """The plan of a request; raises UserError for a name that nothing has."""
    methods, tasks = METHODS.select(request.methods), TASKS.select(request.tasks)
    seeds = list(dict.fromkeys(request.seeds))
    return make_plan(methods, tasks, request.spec, seeds, request.data, tuning(request))


def tuning(request: Request) -> Tuning | None:
    """How hyper-parameters are to be chosen; None where they are not."""
    if request.tune is None:
        return None
    trials = None if request.tune == AUTO else int(request.tune)
    return Tuning(trials, request.sampler, request.seeds[0], request.oracle)


def tell_missing(plan: Plan) -> None:
    """Names the tasks that cannot run, with the reason."""
    for task, reason in plan.missing.items():
        note(f"skipped {task}: {reason}")


def note(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr)
