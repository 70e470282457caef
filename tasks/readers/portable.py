"""A copy that `data convert` made of any task, as a task of its own: what `folder:PATH` is when a note lies in PATH."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.images.portable import Note, read_note
from bench.spec import Data, Found, Split, Task, UserError
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles
from tasks.readers.pixels import Encoded
from tasks.readers.popular import Line, lines, present


def converted(name: str, folder: Path) -> Task:
    """The task in a folder with a note. Raises UserError when the note is damaged."""
    note = read_note(folder)
    if note is None:
        raise UserError(f"{folder} has no note of `data convert`; convert the task again")
    counts = [note.parts[part] for part in note.train], sum(note.parts[part] for part in note.tests.values())
    return Task(
        name=name,
        group="folder",
        classes=note.classes,
        summary=f"copy of {note.task}",
        find=lambda task, data: find(task, folder, note),
        size=f"{' + '.join(f'{count:,}' for count in counts[0])} / {counts[1]:,}",
        source=str(folder),
        facts={"augment": frozenset(note.augment)},
    )


def find(task: Task, folder: Path, note: Note) -> Found:
    """The copy identified by its lists and images. Raises UserError when some are missing."""
    parts = {part: lines(task, folder, part) for part in note.parts}
    for part, count in note.parts.items():
        if len(parts[part]) != count:
            raise UserError(f"{folder / part}.txt lists {len(parts[part]):,} of {count:,} images; convert it again")
    present(folder, [name for part in parts.values() for name, _ in part])
    files = FolderFiles(folder)
    rows = [(files, name, f"{part} {name} {label}") for part, found in parts.items() for name, label in found]

    def split(found: list[Line], **more: object) -> Split:
        labels = np.array([label for _, label in found], dtype=np.int64)
        return Split(Encoded(files, [name for name, _ in found]), labels, note.classes, **more)  # type: ignore[arg-type]

    def possible(name: str) -> dict[str, frozenset[int]]:
        return {"possible": frozenset(note.possible[name])} if name in note.possible else {}

    def load() -> Data:
        train = [line for part in note.train for line in parts[part]]
        validation = note.parts[note.train[1]]
        return Data(
            split(train, validation=validation, augment=frozenset(note.augment)),
            {name: split(parts[part], **possible(name)) for name, part in note.tests.items()},
        )

    return Found(
        note.pipeline,
        digest([note.task, note.pipeline, files_digest(rows)]),
        load,
        sum(note.parts[part] for part in note.train),
        sum(note.parts[part] for part in note.tests.values()),
        folder,
        note.exactness,
    )
