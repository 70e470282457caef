"""`csv:FILE`, a table of your own images with their labels, as a task: CSV, TSV or JSON lines.

A column of paths, one of labels and, if there is one, one of splits (train, val, test) are found by their names, or
stated: `csv:FILE:image=COLUMN:label=COLUMN:split=COLUMN`. Paths are relative to the table's folder. Parts that the
table does not state are drawn as `folder:` draws them; a table of a folder's images gives the folder's splits.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Task, UserError
from tasks.readers.image_folder import tabled

OPTION = re.compile(r":(image|label|split)=([^:]*)$")


def make(text: str) -> Task:
    """The task that `csv:FILE` names, with its columns. Raises UserError if the table cannot serve as one."""
    named, rest = {}, text
    while found := OPTION.search(rest):
        named[found[1]], rest = found[2], rest[: found.start()]
    path = Path(rest).expanduser()
    if not path.is_file():
        raise UserError(f"there is no table {path}; name a CSV, TSV or JSON lines file")
    folder = tabled(path, named)
    train, val, test = (len(part) for part in folder.parts())
    return Task(
        name=f"csv:{Path(os.path.normpath(rest)).as_posix()}{text[len(rest) :]}",
        group="folder",
        classes=len(folder.classes),
        summary=f"your own images, {len(folder.classes)} classes",
        find=folder.find,
        size=f"{train:,} + {val:,} / {test:,}",
        source=Source(link=str(path)),
    )


TASKS.add_scheme("csv", make)
