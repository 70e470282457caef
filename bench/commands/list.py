"""The command `list`: the methods, the tasks and which data is here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.table import Table

from bench.commands.request import DONE, Request
from bench.commands.screen import wide_screen
from bench.registry import METHODS, TASKS
from bench.runs.plan import params
from bench.spec import DataMissing, Task, UserError


def list_command(request: Request) -> int:
    """Shows the methods, the tasks, and which data is present; or the taps of a backbone."""
    if request.taps is not None:
        from bench.commands.taps import taps_table  # here: only this listing needs torch

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
        return task.find(data).pipeline
    except DataMissing:
        return "–"
    except UserError as error:
        return str(error)
