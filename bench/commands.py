"""What the command line can do, as functions of a request: run, plan, list, report, sync. Each returns an exit code."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from bench.budget import UNLIMITED, Amount, Budget, parse_bytes, parse_limits
from bench.datasets import data_command
from bench.export import export_command
from bench.plan import Plan, is_cut, params, split_done
from bench.plan import plan as make_plan
from bench.progress import Progress
from bench.registry import METHODS, TASKS, matches
from bench.screen import Screen, wide_screen
from bench.spec import BackboneSpec, Cell, DataMissing, Task, Tuning, UserError
from bench.store import Store

if TYPE_CHECKING:
    from bench.tracking import Tracker

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


def run(request: Request) -> int:
    """Runs what is not done yet and reports on all of it."""
    plan = planned(request)
    store = Store(request.results)
    limit = parse_limits(request.budget)
    tell_missing(plan)
    if not plan.cells:
        raise UserError("nothing can run: no task has its data; `list` shows what is here")
    with store.lock():
        if (lost := store.recover()) is not None:
            note(f"a run was killed at {lost.task} · {lost.method}; its {lost.cost.spent_seconds:.1f} s are charged")
        todo, done = split_done(plan.cells, store.latest(), request.force)
        note(f"{len(plan.cells)} cells: {len(done)} done already, {len(todo)} to run into {request.results}")
        budget = Budget(limit, store.spent())
        tracker = None
        finished = {cell.key for cell in done}
        if todo and not budget.is_spent():
            tracker, finished = execute(plan, todo, store, budget, request)
    code = outcome(plan, finished, store, budget)
    if store.results():
        show_report(request, tracker)
    return code


def execute(
    plan: Plan, todo: Sequence[Cell], store: Store, budget: Budget, request: Request
) -> tuple[Tracker, set[str]]:  # fmt: skip
    """Runs cells with progress on stderr and MLflow brought up to date cell by cell; returns the keys that are done."""
    from bench import (
        backbone,
        device,
        gpu,
        runner,
        search,
        session,
        tracking,
    )  # here: only a command that measures needs torch

    where = device.find_device(request.device)
    if request.tune is not None:
        search.open_storage(request.storage, store.folder)  # so that one out of reach is told before anything runs
    if request.memory_limit is not None:
        gpu.limit_memory(where, parse_bytes(request.memory_limit, "a memory limit"))
    tracker = tracking.Tracker(store.folder)
    loaded = backbone.load(request.backbone, where)
    with Progress(len(todo)) as progress:
        shared = session.Session(store, budget, loaded, [progress, tracker], request.storage)
        before = -1
        while todo and len(shared.results) > before:  # a search that was cut short goes on while something is left
            before = len(shared.results)
            runner.run(todo, shared)
            latest = store.latest()
            ours = {result.key for result in shared.results if result.status == "done"}
            todo = [cell for cell in todo if cell.key in ours and is_cut(latest[cell.key])]
    for task, needed in shared.postponed.items():
        note(f"{task} is expected to take {needed}, more than is left, and was not begun")
    asked = {cell.key for cell in plan.cells} if not request.force else ours
    return tracker, {key for key, result in store.latest().items() if key in asked and result.status == "done"}


def outcome(plan: Plan, done: set[str], store: Store, budget: Budget) -> int:
    """The exit code, and a sentence where not all is done."""
    latest = store.latest()
    failed = [cell for cell in plan.cells if cell.key in latest and latest[cell.key].status == "failed"]
    left = len(plan.cells) - len(done)
    cut = sum(is_cut(latest[cell.key]) for cell in plan.cells if cell.key in done)
    limited = budget.limit != UNLIMITED
    if limited and (left > len(failed) or cut or (left and budget.is_spent())):
        note(f"the budget of {budget.limit} does not do for all: {budget.spent.seconds:.0f} s and "
             f"{budget.spent.flops:.3g} FLOP are spent in this folder, {left} cells are left"
             + (f" and {cut} were tuned with fewer trials than asked" if cut else "")
             + "; raise --budget and run again")  # fmt: skip
        return OVER_BUDGET
    return INCOMPLETE if left or plan.missing else DONE


def show_report(request: Request, tracker: Tracker | None = None) -> None:
    """Writes the report of a results folder, attaches it in MLflow, prints it, and says where everything is."""
    from bench import report, tracking  # here, so that help and listing stay light

    made = report.write_report(request.results, request.versus)
    if tracker is not None:
        tracker.finish(made.paths)
    Screen().print(made)
    print(f"Records: {Store(request.results).path}\nMLflow:  {tracking.ui_command(request.results)}")
    print(f"Report:  {made.paths[0]}, tables and plots beside it")


def report_command(request: Request) -> int:
    """Draws the report anew from the records alone."""
    show_report(request)
    return DONE


def advise_command(request: Request) -> int:
    """Names the method that the records support best within --budget and --storage-limit, for one task."""
    from bench.report.advise import advise  # here, so that help and listing stay light

    storage = parse_bytes(request.storage_limit, "a storage limit") if request.storage_limit else math.inf
    results = Store(request.results).results()
    if not results:
        raise UserError(f"not enough records: there are none in {request.results}; run the comparison first")
    patterns = [part for text in request.tasks for part in text.split(",")]
    names = {result.task for result in results if any(matches(result.task, pattern) for pattern in patterns)}
    for advice in advise(results, sorted(names), parse_limits(request.budget), storage):
        Screen().print(advice)
    return DONE


def sync(request: Request) -> int:
    """Brings MLflow up to date with the records."""
    from bench import report, tracking  # here, so that help and listing stay light

    made = report.write_report(request.results, request.versus)
    count = tracking.sync(request.results, Store(request.results).results(), made.paths)
    print(f"{count} cells logged; MLflow has all of {Store(request.results).path}")
    return DONE


def plan_command(request: Request) -> int:
    """Shows what would run, what is done, and what the rest is expected to cost."""
    from bench import backbone, device  # here, so that help and listing stay light
    from bench.estimate import Estimator

    plan = planned(request)
    store = Store(request.results)
    todo, done = split_done(plan.cells, store.latest(), request.force)
    loaded = backbone.load(request.backbone, device.find_device(request.device))
    estimate = Estimator(loaded, store.results())
    table = Table("task", "method", "seed", "state", "expected", "FLOPs", box=None)
    total = Amount()
    for cell in plan.cells:
        state, cost = "done", ("", "")
        if cell in todo:
            state, needed = "to run", estimate.tuned(cell)
            total, cost = total + needed, (f"{needed.seconds:.0f} s", f"{needed.flops:.2g}")
        table.add_row(cell.task.name, cell.method_name, str(cell.seed), state, *cost)
    wide_screen().print(table)
    tell_missing(plan)
    print(
        f"{len(plan.cells)} cells: {len(done)} done, {len(todo)} to run in about {total.seconds:.0f} s and "
        f"{total.flops:.3g} FLOP on this device, without heads where there are no records to go by"
    )
    if request.budget:
        left = Budget(parse_limits(request.budget), store.spent()).remaining()
        print(f"{left} of the budget are left: " + ("it fits" if total.fits(left) else "it does not fit"))
    return DONE if plan.cells else UNUSABLE


def list_command(request: Request) -> int:
    """Shows the methods, the tasks, and which data is present; or the taps of a backbone."""
    if request.taps is not None:
        from bench.listing_taps import taps_table  # here: only this listing needs torch

        wide_screen().print(taps_table(replace(request.backbone, name=request.taps)))
        return DONE
    methods = Table("method", "what it does", "hyper-parameters", box=None)
    for name, method in METHODS.items():
        defaults = ", ".join(f"{key}={value}" for key, value in params(method()).items())
        methods.add_row(name, (method.__doc__ or "").strip().splitlines()[0], defaults)
    tasks = Table("task", "group", "classes", "images", "data", box=None)
    for name, task in TASKS.items():
        tasks.add_row(name, task.group, str(task.classes), task.size, presence(task, request.data))
    for table in (methods, tasks):
        wide_screen().print(table, "")
    print("folder:PATH is a task too: your own images as PATH/<class>/<image>")
    print("domains:PATH/SOURCE is one with shifted test sets: PATH/<domain>/<class>/<image>, adapted to SOURCE")
    return DONE


def presence(task: Task, data: Path) -> str:
    """How a task's data was found, or what is missing."""
    try:
        return task.find(task, data).pipeline
    except DataMissing:
        return "–"
    except UserError as error:
        return str(error)


def data(request: Request) -> int:
    """Which data sets are here, downloads, conversion: `bench.datasets`."""
    return data_command(request.words, request.data, request.to)


def export(request: Request) -> int:
    """Takes a finished cell out of the results folder: `bench.export`."""
    return export_command(request.words, request.results, request.to)


def predict(request: Request) -> int:
    """Names the classes of images with what was exported: `bench.predict`."""
    from bench.predict import predict_command  # here, so that only a command that computes starts torch

    return predict_command(request.words, request.backbone.checkpoint, request.device, request.top, request.json)


def ui(request: Request) -> int:
    """Opens MLflow's page on the results folder: `bench.tracking.page`."""
    from bench.tracking.page import serve  # here, so that help and listing stay light

    return serve(request.results)


def tell_missing(plan: Plan) -> None:
    for task, reason in plan.missing.items():
        note(f"skipped {task}: {reason}")


def note(text: str) -> None:
    print(text, file=sys.stderr)


COMMANDS: dict[str, Callable[[Request], int]] = {
    "run": run, "plan": plan_command, "list": list_command, "advise": advise_command, "report": report_command,
    "sync": sync, "data": data, "export": export, "predict": predict, "ui": ui,
}  # fmt: skip
