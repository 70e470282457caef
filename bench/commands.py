"""What the command line can do, as functions of a request: run, plan, list, report, sync. Each returns an exit code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from bench.budget import Amount, Budget, parse_bytes, parse_limits
from bench.datasets import data_command
from bench.export import export_command
from bench.measuring import measure
from bench.plan import params, split_done
from bench.registry import METHODS, TASKS, matches
from bench.request import DONE, UNUSABLE, Request, planned, tell_missing
from bench.screen import Screen, wide_screen
from bench.spec import DataMissing, Task, UserError
from bench.store import Store

if TYPE_CHECKING:
    from bench.tracking import Tracker


def run(request: Request) -> int:
    """Runs what is not done yet and reports on all of it."""
    code, tracker = measure(request)
    if Store(request.results).results():
        show_report(request, tracker)
    return code


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

    limit = parse_limits(request.budget)
    storage = parse_bytes(request.storage_limit, "a storage limit") if request.storage_limit else math.inf
    results = Store(request.results).results()
    if not results:
        raise UserError(f"not enough records: there are none in {request.results}; run the comparison first")
    patterns = [part for text in request.tasks for part in text.split(",")]
    names = {result.task for result in results if any(matches(result.task, pattern) for pattern in patterns)}
    for advice in advise(results, sorted(names), limit, storage):
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


COMMANDS: dict[str, Callable[[Request], int]] = {
    "run": run, "plan": plan_command, "list": list_command, "advise": advise_command, "report": report_command,
    "sync": sync, "data": data, "export": export, "predict": predict, "ui": ui,
}  # fmt: skip
