"""The command `data`: which data sets are here and how exact, downloads, and conversion to portable folders."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.commands.screen import wide_screen
from bench.registry import TASKS
from bench.spec import DataMissing, Found, Task, UserError

if TYPE_CHECKING:
    from bench.images.download import Download
DONE, INCOMPLETE, UNUSABLE = 0, 1, 2
USAGE = "write `data status [TASKS]`, `data get TASKS` or `data convert TASKS --to DIR`"


def data_command(words: Sequence[str], data: Path, to: Path | None) -> int:
    """Does what the words after `data` ask for. Raises UserError for words that ask for nothing."""
    action, *names = words or ["status"]
    if action == "status":
        return status(TASKS.select(names or ["all"]), data)
    if action not in ("get", "convert"):
        raise UserError(f"`data` cannot {action!r}; {USAGE}")
    if not names:
        raise UserError(f"`data {action}` needs the names of tasks; {USAGE}")
    if action == "get":
        return get(TASKS.select(names), data)
    if to is None:
        raise UserError("`data convert` needs a folder to write into; add --to DIR")
    return convert(TASKS.select(names), data, to)


def status(tasks: Mapping[str, Task], data: Path) -> int:
    """Shows which copy of each task is here and how exact it is, and how to get those that are not."""
    here = Table("task", "images", "exactness", "pipeline", "found at", box=None)
    absent = Table("not here", "images", "download", "licence", "link", "how to get it", box=None)
    for name, task in tasks.items():
        found = look(task, data)
        if isinstance(found, Found):
            here.add_row(name, task.size, found.exactness or "–", found.pipeline, str(found.place or "–"))
        else:
            size = str(task.facts.get("download", "–"))
            absent.add_row(name, task.size, size, task.licence or "–", task.source or "–", remedy(task, found))
    for table in (here, absent):
        if table.row_count:
            wide_screen().print(table, "")
    print(f"{here.row_count} of {len(tasks)} tasks can run with --data {data}")
    return DONE


def look(task: Task, data: Path) -> Found | UserError:
    """The copy of a task, or why there is none."""
    try:
        return task.find(task, data)
    except UserError as error:
        return error


def remedy(task: Task, why: UserError) -> str:
    """How a task that is not here is got; what is wrong with a copy that is here and cannot be read."""
    if not isinstance(why, DataMissing):
        return str(why)
    if downloads(task):
        return f"run_bench.py data get {task.name}"
    return by_hand(task) if "files" in task.facts else str(why)


def by_hand(task: Task) -> str:
    """The steps for a data set that nobody may or does serve to a program."""
    steps = f"; {task.facts['manual']}" if task.facts.get("manual") else ""
    return f"by hand: {task.facts['files']}, into {task.facts['folder']}/ below --data{steps}"


def downloads(task: Task) -> Sequence[Download]:
    chosen: Sequence[Download] = task.facts.get("downloads", ())
    return chosen


def get(tasks: Mapping[str, Task], data: Path) -> int:
    """Downloads what is not here and can be downloaded; says the steps for the rest, and what went wrong.

    What one server does not give stops no other; all are asked at once whether they answer.
    """
    from concurrent.futures import ThreadPoolExecutor  # here, so that listing stays light

    wanted = {name: task for name, task in tasks.items() if downloads(task) and not isinstance(look(task, data), Found)}
    with ThreadPoolExecutor(len(wanted) or 1) as pool:
        barred = dict(zip(wanted, pool.map(lambda task: barrier(task, data), wanted.values()), strict=True))
    left = []
    for name, task in tasks.items():
        why = fetched(task, data) if name in wanted and not barred[name] else barred.get(name)
        found = look(task, data)
        if isinstance(found, Found):
            place = f", at {found.place}" if found.place else ""
            print(f"{name}: {found.exactness or 'here'}, {found.pipeline}{place}")
        else:
            left.append(name)
            print(f"{name}: {why or remedy(task, found)}; see {task.source or 'its authors'}", file=sys.stderr)
    if wanted and set(wanted) <= set(left):
        return UNUSABLE
    return INCOMPLETE if left else DONE


def barrier(task: Task, data: Path) -> UserError | None:
    """Why a task's files cannot be fetched: no answer, or no room; None if they can, or are all here."""
    from bench.images.download import prepare  # here, so that listing stays light

    try:
        prepare(downloads(task), data / task.facts["folder"])
    except UserError as error:
        return error
    return None


def fetched(task: Task, data: Path) -> UserError | None:
    """Fetches a task's files unless another task has brought them; returns what went wrong."""
    from bench.images.download import fetch  # here, so that listing stays light

    try:
        if not isinstance(look(task, data), Found):
            fetch(downloads(task), data / task.facts["folder"])
    except UserError as error:
        return error
    return None


def convert(tasks: Mapping[str, Task], data: Path, to: Path) -> int:
    """Writes each task that is here as a portable folder below `to`."""
    from rich.progress import Progress  # here, so that listing stays light

    from bench.images import portable

    console = Console(file=sys.stderr)
    left = 0
    with Progress(console=console, disable=not console.is_terminal) as bar:
        for name, task in tasks.items():
            found = look(task, data)
            if isinstance(found, UserError):
                left += 1
                bar.console.print(f"{name}: {found}", markup=False, highlight=False, soft_wrap=True)
                continue
            item = bar.add_task(name, total=found.train_images + found.test_images)
            folder = portable.convert(task, found, to, lambda item=item: bar.advance(item))  # type: ignore[misc]
            print(f"{name}: written to {folder}, {found.exactness or 'as found'}, from {found.pipeline}")
    if left == len(tasks):
        return UNUSABLE
    return INCOMPLETE if left else DONE
