"""The command `data`: which data sets are here and how exact they are, downloads, and portable copies."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.commands.codes import DONE, INCOMPLETE, UNUSABLE
from bench.commands.screen import wide_screen
from bench.images import portable
from bench.images.download import fetch, prepare
from bench.registry import TASKS
from bench.source import Download
from bench.spec import DataMissing, Found, Task, UserError

USAGE = "write `data status [TASKS]`, `data get TASKS` or `data convert TASKS --to DIR`"


def main(asked: Namespace) -> int:
    """Does what the words after `data` ask for."""
    return act(asked.words, asked.data, asked.to)


def act(words: Sequence[str], data: Path, to: Path | None) -> int:
    """Shows, downloads or converts; returns the exit code. Raises UserError for words that it does not know."""
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
    """Shows which copy of each task is here and how exact it is, and how to get those that are not here."""
    here = Table("task", "images", "exactness", "pipeline", "found at", box=None)
    absent = Table("not here", "images", "size", "licence", box=None)
    absent.add_column("link", overflow="fold")  # an address is of no use if it is cut short
    absent.add_column("how to get it", overflow="fold")
    for name, task in tasks.items():
        found, source = look(task, data), task.source
        if isinstance(found, Found):
            here.add_row(name, task.size, found.exactness or "–", found.pipeline, str(found.place or "–"))
        else:
            terms = (source.size or "–", source.licence or "–", source.link or "–")
            absent.add_row(name, task.size, *terms, remedy(task, found, data))
    for table in (here, absent):
        if table.row_count:
            wide_screen().print(table, "")
    print(f"{here.row_count} of {len(tasks)} tasks can run with --data {data}")
    return DONE


def look(task: Task, data: Path) -> Found | UserError:
    """The copy of a task, or why there is none."""
    try:
        return task.find(data)
    except UserError as error:
        return error


def remedy(task: Task, why: UserError, data: Path) -> str:
    """How to get a task that is not here, or what is wrong with a copy that is here and cannot be read."""
    source = task.source
    if not isinstance(why, DataMissing) or not (source.downloads or source.files):
        return str(why)
    return source.command(task.name, data) if source.downloads else f"by hand: {source.by_hand(data)}"


def get(tasks: Mapping[str, Task], data: Path) -> int:
    """Downloads what is not here and can be downloaded. For the rest it says the steps, or what went wrong.

    All servers are asked at once whether they answer, and one that does not stops no other download.
    """
    wanted = {
        name: task for name, task in tasks.items() if task.source.downloads and not isinstance(look(task, data), Found)
    }
    with ThreadPoolExecutor(len(wanted) or 1) as pool:
        why = dict(zip(wanted, pool.map(lambda task: obstacle(prepare, task, data), wanted.values()), strict=True))
    left = []
    for name, task in tasks.items():
        if name in wanted and why[name] is None:
            why[name] = obstacle(fetch, task, data)
        found = look(task, data)
        if isinstance(found, Found):
            place = f", at {found.place}" if found.place else ""
            print(f"{name}: {found.exactness or 'here'}, {found.pipeline}{place}")
        else:
            left.append(name)
            link = task.source.link or "its authors"
            print(f"{name}: {why.get(name) or remedy(task, found, data)}; see {link}", file=sys.stderr)
    if wanted and set(wanted) <= set(left):
        return UNUSABLE
    return INCOMPLETE if left else DONE


def obstacle(work: Callable[[Sequence[Download], Path], object], task: Task, data: Path) -> UserError | None:
    """Does work on a task's downloads, unless another task has brought them; returns what went wrong, if anything."""
    try:
        if not isinstance(look(task, data), Found):
            work(task.source.downloads, data / task.source.folder)
    except UserError as error:
        return error
    return None


def convert(tasks: Mapping[str, Task], data: Path, to: Path) -> int:
    """Writes a portable copy of each task that is here, as a folder below `to`."""
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
