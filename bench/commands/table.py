"""What the command line can do, as functions of a request: run, plan, list, report, sync. Each returns an exit code."""

from __future__ import annotations

from collections.abc import Callable

from bench.commands.data import data_command
from bench.commands.export import export_command
from bench.commands.list import list_command
from bench.commands.plan import plan_command
from bench.commands.request import Request
from bench.commands.results import advise_command, report_command, show_report, sync, ui
from bench.commands.run import measure
from bench.records.store import Store


def run(request: Request) -> int:
    """Runs what is not done yet and reports on all of it."""
    code, tracker = measure(request)
    if Store(request.results).results():
        show_report(request, tracker)
    return code


def data(request: Request) -> int:
    """Which data sets are here, downloads, conversion: `bench.datasets`."""
    return data_command(request.words, request.data, request.to)


def export(request: Request) -> int:
    """Takes a finished cell out of the results folder: `bench.export`."""
    return export_command(request.words, request.results, request.to)


def predict(request: Request) -> int:
    """Names the classes of images with what was exported: `bench.predict`."""
    from bench.commands.predict import predict_command  # here, so that only a command that computes starts torch

    return predict_command(request.words, request.backbone.checkpoint, request.device, request.top, request.json)


COMMANDS: dict[str, Callable[[Request], int]] = {
    "run": run, "plan": plan_command, "list": list_command, "advise": advise_command, "report": report_command,
    "sync": sync, "data": data, "export": export, "predict": predict, "ui": ui,
}  # fmt: skip
