"""The copy most people hold: a folder `vtab-1k/<task>` of images with list files, made once and passed on.

Its images are JPEG at quality 75, unless `data convert` made it: then they are PNG, and a note by the lists says so.

<task>/images/{train800,val200,train800val200,test}/000000.jpg
<task>/{train800,val200,train800val200,test}.txt        lines such as "images/train800val200/000000.jpg 307"
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.images.portable import NOTE, read_note
from bench.spec import Data, Found, Split, Task, UserError
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles, safe
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Recipe

PIPELINE = "vtab-1k folder, {} by Pillow"
TRAINING, VALIDATION = 800, 200
Line = tuple[str, int]  # name relative to the task's folder, label


def popular(task: Task, data: Path) -> Found | None:
    """The task out of a vtab-1k folder, under any name it goes by there; None when there is none.

    Raises UserError when its lists or images are not whole.
    """
    recipe: Recipe = task.facts["recipe"]
    listing = locate(data, [f"{name}/{part}.txt" for name in recipe.popular for part in ("train800val200", "train800")])
    if listing is None:
        return None
    folder = listing.parent
    note = read_note(folder)  # of a copy that `data convert` made
    if note and note.task != task.name:
        raise UserError(f"{folder} is a copy of {note.task} by its {NOTE}; give it back the name it was written under")
    train, test = training(task, folder), lines(task, folder, "test")
    expect(task, folder / "test.txt", test, recipe.tests, recipe.origin.tolerance)
    present(folder, [name for name, _ in (*train, *test)])
    files = FolderFiles(folder)
    identity = [
        files_digest([(files, name, f"{name} {label}") for name, label in train]),
        *(f"{name} {label} {files.size(name)}" for name, label in test),
    ]
    kinds = sorted({kind(name) for name, _ in (*train, *test)})
    pipeline = note.pipeline if note else PIPELINE.format(" and ".join(kinds))
    return Found(
        pipeline,
        digest([task.name, pipeline, *identity]),
        lambda: load(task, files, train, test),
        place=folder,
        exactness=note.exactness if note else f"{' and '.join(kinds)} copy",
    )


def kind(name: str) -> str:
    """How an image file is named in a pipeline: JPEG, PNG and so on."""
    suffix = name.rpartition(".")[2].upper()
    return "JPEG" if suffix == "JPG" else suffix


def load(task: Task, files: FolderFiles, train: Sequence[Line], test: Sequence[Line]) -> Data:
    """Training images followed by validation images, and the test images."""
    adapt = replace(split(task, files, train), validation=VALIDATION, augment=task.facts["recipe"].augment)
    return Data(train=adapt, tests={"test": split(task, files, test)})


def split(task: Task, files: FolderFiles, chosen: Sequence[Line]) -> Split:
    """Images and labels of some lines."""
    labels = np.array([label for _, label in chosen], dtype=np.int64)
    return Split(Encoded(files, [name for name, _ in chosen]), labels, task.classes)


def training(task: Task, folder: Path) -> list[Line]:
    """The 800 training lines followed by the 200 validation lines.

    They come from the two lists if both are there with their images, as a list of all 1,000 need not keep them apart.
    """
    apart = [folder / f"{part}.txt" for part in ("train800", "val200")]
    if all(path.is_file() and (folder / "images" / path.stem).is_dir() for path in apart):
        train, val = lines(task, folder, "train800"), lines(task, folder, "val200")
        expect(task, apart[0], train, TRAINING)
        expect(task, apart[1], val, VALIDATION)
        return train + val
    both = lines(task, folder, "train800val200")
    expect(task, folder / "train800val200.txt", both, TRAINING + VALIDATION)
    return both


def lines(task: Task, folder: Path, part: str) -> list[Line]:
    """Names and labels of a list file. Raises UserError for one that is missing or has a line of another form."""
    path = folder / f"{part}.txt"
    try:
        rows = [row.rsplit(None, 1) for row in path.read_text(encoding="utf-8").splitlines() if row.strip()]
        found = [(safe(name, path), int(label)) for name, label in rows]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); copy the whole folder again") from error
    except ValueError as error:
        raise UserError(f"{path} has a line that is not `image label`; copy it again") from error
    if any(not 0 <= label < task.classes for _, label in found):
        raise UserError(
            f"{path} has a label outside 0..{task.classes - 1}; it belongs to another task than {task.name}"
        )
    return found


def expect(task: Task, path: Path, found: Sequence[Line], count: int, tolerance: int = 0) -> None:
    """Raises UserError when a list has another length than VTAB-1k says."""
    if abs(len(found) - count) > tolerance:
        raise UserError(
            f"{path} lists {len(found):,} images where {task.name} has {count:,}; copy the whole folder again"
        )


def present(folder: Path, names: Iterable[str]) -> None:
    """Raises UserError when listed images are missing."""
    there: dict[str, set[str]] = {}
    absent = []
    for name in names:
        parent, _, image = name.rpartition("/")
        if parent not in there:
            there[parent] = listed(folder / parent)
        if image not in there[parent]:
            absent.append(name)
    if absent:
        raise UserError(
            f"{len(absent):,} images listed in {folder} are missing, the first is {absent[0]}; copy the folder again"
        )


def listed(folder: Path) -> set[str]:
    """Names in a folder; none when it is absent."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}
