"""The copy that most people hold: a folder `vtab-1k/<task>` of images with list files, made once and passed on.

Its images are JPEG at quality 75. If `data convert` made it they are PNG, and a note beside the lists says so.

<task>/images/{train800,val200,train800val200,test}/000000.jpg
<task>/{train800,val200,train800val200,test}.txt        lines such as "images/train800val200/000000.jpg 307"
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.images.portable import NOTE, read_note
from bench.spec import Data, Found, UserError
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles, safe
from tasks.readers.locate import locate
from tasks.readers.pixels import Line, labelled
from tasks.readers.raw import Recipe

PIPELINE = "vtab-1k folder, {} by Pillow"
TRAINING, VALIDATION = 800, 200


def vtab_folder(recipe: Recipe, data: Path) -> Found | None:
    """The task out of a vtab-1k folder, under any of its names there; None if there is none.

    Raises UserError if its lists or images are not whole.
    """
    listing = locate(data, [f"{name}/{part}.txt" for name in recipe.folders for part in ("train800val200", "train800")])
    if listing is None:
        return None
    folder = listing.parent
    note = read_note(folder)  # of a copy that `data convert` made
    if note and note.task != recipe.name:
        raise UserError(f"{folder} is a copy of {note.task} by its {NOTE}; rename it to what it was written as")
    train, test = training(recipe, folder), lines(folder / "test.txt", recipe.classes)
    expect(recipe, folder / "test.txt", test, recipe.tests, recipe.origin.tolerance)
    present(folder, [name for name, _ in (*train, *test)])
    files = FolderFiles(folder)
    identity = [
        files_digest([(files, name, f"{name} {label}") for name, label in train]),
        *(f"{name} {label} {files.size(name)}" for name, label in test),
    ]
    kinds = sorted({kind(name) for name, _ in (*train, *test)})
    pipeline = note.pipeline if note else PIPELINE.format(" and ".join(kinds))
    return Found(
        pipeline=pipeline,
        fingerprint=digest([recipe.name, pipeline, *identity]),
        load=lambda: load(recipe, files, train, test),
        train_images=len(train),
        test_images=recipe.tests,
        place=folder,
        exactness=note.exactness if note else f"{' and '.join(kinds)} copy",
    )


def kind(name: str) -> str:
    """The kind of an image file as pipelines name it: JPEG, PNG and so on."""
    suffix = name.rpartition(".")[2].upper()
    return "JPEG" if suffix == "JPG" else suffix


def load(recipe: Recipe, files: FolderFiles, train: Sequence[Line], test: Sequence[Line]) -> Data:
    """The splits of a task: training images followed by validation images, and the test images."""
    adapt = replace(labelled(files, train, recipe.classes), validation=VALIDATION, augment=recipe.augment)
    return Data(train=adapt, tests={"test": labelled(files, test, recipe.classes)})


def training(recipe: Recipe, folder: Path) -> list[Line]:
    """The 800 training lines followed by the 200 validation lines.

    They come from the two lists if both are there with their images, because a list of all 1,000 may mix them.
    """
    apart = [folder / f"{part}.txt" for part in ("train800", "val200")]
    if all(path.is_file() and (folder / "images" / path.stem).is_dir() for path in apart):
        train, val = (lines(path, recipe.classes) for path in apart)
        expect(recipe, apart[0], train, TRAINING)
        expect(recipe, apart[1], val, VALIDATION)
        return train + val
    both = folder / "train800val200.txt"
    found = lines(both, recipe.classes)
    expect(recipe, both, found, TRAINING + VALIDATION)
    return found


def lines(path: Path, classes: int) -> list[Line]:
    """Names and labels of a list file. Raises UserError if it is missing, malformed, or has a label out of range."""
    try:
        rows = [row.rsplit(None, 1) for row in path.read_text(encoding="utf-8").splitlines() if row.strip()]
        found = [(safe(name, path), int(label)) for name, label in rows]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); copy the whole folder again") from error
    except ValueError as error:
        raise UserError(f"{path} has a line that is not `image label`; copy it again") from error
    if any(not 0 <= label < classes for _, label in found):
        raise UserError(f"{path} has a label outside 0..{classes - 1}; it may belong to another task: copy it again")
    return found


def expect(recipe: Recipe, path: Path, found: Sequence[Line], count: int, tolerance: int = 0) -> None:
    """Raises UserError if a list has another length than VTAB-1k says."""
    if abs(len(found) - count) > tolerance:
        raise UserError(
            f"{path} lists {len(found):,} images where {recipe.name} has {count:,}; copy the whole folder again"
        )


def present(folder: Path, names: Iterable[str]) -> None:
    """Raises UserError if images that are listed are missing."""
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
    """Names in a folder; empty if it is absent."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}
