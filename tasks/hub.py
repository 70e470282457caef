"""`hf:NAME_OR_FOLDER`, a Hugging Face data set as a task: out of a folder or the cache, never the network.

A folder has Parquet files or an image folder, or was written by `save_to_disk`; a name is looked for in the cache. The
data set's own splits are used; those that it lacks are drawn as `folder:` draws them. Columns are found, or stated:
`hf:NAME:image=COLUMN:label=COLUMN:config=NAME`. It needs the extra `head2head[hf]`.
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Task
from tasks.readers.hub import hub_pictures
from tasks.readers.image_folder import checked

OPTION = re.compile(r":(image|label|config)=([^:]*)$")


def make(text: str) -> Task:
    """The task that `hf:NAME_OR_FOLDER` names. Raises UserError if the data set cannot serve as one."""
    named, rest = {}, text
    while found := OPTION.search(rest):
        named[found[1]], rest = found[2], rest[: found.start()]
    files, pictures = hub_pictures(rest, named)
    folder = checked(files, pictures, Path(rest))
    train, val, test = (len(part) for part in folder.parts())
    return Task(
        name=f"hf:{text.rstrip('/')}",
        group="folder",
        classes=len(folder.classes),
        summary=f"a Hugging Face data set, {len(folder.classes)} classes",
        find=folder.find,
        size=f"{train:,} + {val:,} / {test:,}",
        source=Source(link=rest),
    )


TASKS.add_scheme("hf", make)
