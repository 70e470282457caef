"""`domains:PATH/SOURCE`, folders `<domain>/<class>/<image>` side by side: SOURCE is adapted to, the others evaluated.

The source is divided as `folder:` divides a folder, in the order of the md5 digests of `<class>/<image>`: a quarter of
each class tests in distribution, a fifth of what remains validates. All images of the other domains are evaluated;
nothing is ever adapted to them or chosen by them. Only classes that all domains have are used.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Task, UserError
from tasks.readers.domains import divide, images
from tasks.readers.locate import folders


def make(text: str) -> Task:
    """The task that `domains:PATH/SOURCE` names. Raises UserError if the folders cannot serve as one."""
    path = Path(os.path.normpath(Path(text).expanduser().absolute()))
    if not path.is_dir():
        raise UserError(f"there is no folder {path}; name the domain to adapt to, with a folder for each class in it")
    siblings = {Path(place).name: Path(place) for place in folders(str(path.parent))}
    divided = divide({name: place for name, place in siblings.items() if name == path.name or images(place)}, path.name)
    others = sum(len(folder.pictures) for folder in divided.shifted.values())
    return Task(
        name=f"domains:{Path(os.path.normpath(text)).as_posix()}",
        group="domains",
        classes=len(divided.source.classes),
        summary=f"your own images, {len(divided.source.classes)} classes, and {len(divided.shifted)} other domains",
        find=divided.find,
        size=f"{len(divided.train):,} + {len(divided.val):,} / {len(divided.test):,} and {others:,} shifted",
        source=Source(link=str(path)),
    )


TASKS.add_scheme("domains", make)
