"""The commands that read a results folder: `report`, `advise`, `sync` and `ui`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.commands.request import DONE, Request
from bench.commands.screen import Screen
from bench.costs.budget import parse_bytes, parse_limits
from bench.records.store import Store
from bench.registry import matches
from bench.spec import UserError

if TYPE_CHECKING:
    from bench.tracking import Tracker


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
    from bench.report.words.advise import advise  # here, so that help and listing stay light

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


def ui(request: Request) -> int:
    """Opens MLflow's page on the results folder: `bench.tracking.page`."""
    from bench.tracking.page import serve  # here, so that help and listing stay light

    return serve(request.results)
