"""The command `list`: the methods, the tasks and which data is here."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from bench.commands.codes import DONE
from bench.commands.parser import request
from bench.commands.screen import wide_screen
from bench.registry import METHODS, TASKS
from bench.runs.plan import params
from bench.spec import DataMissing, Task, UserError


def main(asked: Namespace) -> int:
    """Shows the methods, the tasks, and which data is present; or the taps of a backbone."""
    if asked.taps is not None:
        from bench.commands.taps import taps_table  # here, so that the other listing does without torch

        wide_screen().print(taps_table(replace(request(asked).spec, name=asked.taps)))
        return DONE
    show(asked.data)
    return DONE


def show(data: Path) -> None:
    """The tables of methods and of tasks."""
    methods = Table("method", "what it does", "hyper-parameters", box=None)
    for name, method in METHODS.items():
        defaults = ", ".join(f"{key}={value}" for key, value in params(method()).items())
        methods.add_row(name, (method.__doc__ or "").strip().splitlines()[0], defaults)
    tasks = Table("task", "group", "classes", "images", "data", box=None)
    for name, task in TASKS.items():
        tasks.add_row(name, task.group, str(task.classes), task.size, presence(task, data))
    for table in (methods, tasks):
        wide_screen().print(table, "")
    print("folder:PATH is a task too: your own images as PATH/<class>/<image>")
    print("domains:PATH/SOURCE is one with shifted test sets: PATH/<domain>/<class>/<image>, adapted to SOURCE")


def presence(task: Task, data: Path) -> str:
    """How a task's data was found, or what is missing."""
    try:
        return task.find(data).pipeline
    except DataMissing:
        return "–"
    except UserError as error:
        return str(error)
