"""`folder:PATH`, a user's own images as a task: `<class>/<image>` in a folder or a zip, divided by the user or here.

The folder may have parts, train, val and test, with class folders in each. A part that is missing is drawn from each
class alike, in the order of the md5 digests of `<class>/<image>`, so it is the same on every machine: a quarter of a
class for testing, then a fifth of what remains for validation, at least one image each. All images are used.
Training images may be flipped and shifted a little, as the labels of most photographs survive it; `--augment none`
is for labels that do not, such as digits and arrows.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.images.portable import NOTE
from bench.registry import TASKS
from bench.source import Source
from bench.spec import Task
from tasks.readers.image_folder import look
from tasks.readers.portable import converted


def make(text: str) -> Task:
    """The task that `folder:PATH` names: class folders, or a portable copy that `data convert` made.

    Raises UserError if the folder cannot serve as one.
    """
    path, name = Path(text).expanduser(), f"folder:{Path(os.path.normpath(text)).as_posix()}"
    if (path / NOTE).is_file():
        return converted(name, path)
    folder = look(path)
    train, val, test = (len(part) for part in folder.parts())
    return Task(
        name=name,
        group="folder",
        classes=len(folder.classes),
        summary=f"your own images, {len(folder.classes)} classes",
        find=folder.find,
        size=f"{train:,} + {val:,} / {test:,}",
        source=Source(link=str(path)),
    )


TASKS.add_scheme("folder", make)
