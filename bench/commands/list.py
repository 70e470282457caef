"""The command `list`: the methods, the tasks and which data is here."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from rich.console import Group
from rich.table import Table

from bench.commands.codes import DONE
from bench.commands.listing import details, families
from bench.commands.parser import request
from bench.commands.screen import wide_screen
from bench.registry import METHODS, TASKS
from bench.spec import DataMissing, Task, UserError


def main(asked: Namespace) -> int:
    """Shows the methods, the tasks and which data is present; or some methods in full, or the taps of a backbone."""
    if asked.taps is not None:
        from bench.commands.taps import taps_table  # here, so that the other listing does without torch

        wide_screen().print(taps_table(replace(request(asked), backbone=(asked.taps,)).specs[0]))
        return DONE
    if asked.words:
        wide_screen().print(Group(*details(METHODS.select(asked.words))))
        return DONE
    show(asked.data)
    return DONE


def show(data: Path) -> None:
    """The methods by family, and the tasks."""
    wide_screen().print(Group(*families()))
    print("`list FAMILY` and `list METHOD` show hyper-parameters\n")
    tasks = Table("task", "group", "classes", "images", "data", box=None)
    for name, task in TASKS.items():
        tasks.add_row(name, task.group, str(task.classes), task.size, presence(task, data))
    wide_screen().print(tasks, "")
    print("folder:PATH is a task too: your own images as PATH/<class>/<image>")
    print("csv:FILE is one too: a table with a column of images and one of labels")
    print("hf:NAME_OR_FOLDER is a Hugging Face data set that is on this machine")
    print("domains:PATH/SOURCE is one with shifted test sets: PATH/<domain>/<class>/<image>, adapted to SOURCE")


def presence(task: Task, data: Path) -> str:
    """How a task's data was found, or what is missing."""
    try:
        return task.find(data).pipeline
    except DataMissing:
        return "–"
    except UserError as error:
        return str(error)
