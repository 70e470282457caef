"""A portable copy that `data convert` made of any task, as a task of its own: `folder:PATH` with a note in PATH."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.images.portable import Note, read_note
from bench.source import Source
from bench.spec import Data, Found, Split, Task, UserError
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles
from tasks.readers.pixels import Line, labelled
from tasks.readers.vtab_folder import lines, present


def converted(name: str, folder: Path) -> Task:
    """The task in a folder with a note. Raises UserError if the note is damaged."""
    note = read_note(folder)
    if note is None:
        raise UserError(f"{folder} has no note of `data convert`; convert the task again")
    train, val = (f"{note.parts[part]:,}" for part in note.train)
    return Task(
        name=name,
        group="folder",
        classes=note.classes,
        summary=f"copy of {note.task}",
        find=Portable(folder, note).find,
        size=f"{train} + {val} / {sum(note.parts[part] for part in note.tests.values()):,}",
        source=Source(link=str(folder)),
    )


@dataclass(frozen=True)
class Portable:
    """Reads a portable copy by the lists that its note names."""

    folder: Path
    note: Note

    def find(self, data: Path) -> Found:
        """The copy, identified by its lists and images. Raises UserError if some are missing."""
        note = self.note
        parts = {part: lines(self.folder / f"{part}.txt", note.classes) for part in note.parts}
        for part, count in note.parts.items():
            if len(parts[part]) != count:
                raise UserError(
                    f"{self.folder / part}.txt lists {len(parts[part]):,} of {count:,} images; convert it again"
                )
        present(self.folder, [name for part in parts.values() for name, _ in part])
        files = FolderFiles(self.folder)
        rows = [(files, name, f"{part} {name} {label}") for part, found in parts.items() for name, label in found]
        return Found(
            pipeline=note.pipeline,
            fingerprint=digest([note.task, note.pipeline, files_digest(rows)]),
            load=lambda: self.load(parts),
            train_images=sum(note.parts[part] for part in note.train),
            test_images=sum(note.parts[part] for part in note.tests.values()),
            place=self.folder,
            exactness=note.exactness,
        )

    def load(self, parts: dict[str, list[Line]]) -> Data:
        """The splits out of the lines of each list: training images followed by validation images, the test sets."""
        note = self.note

        def split(found: list[Line], possible: frozenset[int] | None = None) -> Split:
            return labelled(FolderFiles(self.folder), found, note.classes, possible)

        train = split([line for part in note.train for line in parts[part]])
        adapt = replace(train, validation=note.parts[note.train[1]], augment=frozenset(note.augment))
        possible = {name: frozenset(classes) for name, classes in note.possible.items()}
        return Data(adapt, {name: split(parts[part], possible.get(name)) for name, part in note.tests.items()})
