"""ImageNet as folders of classes, with a few images of each to adapt to; and its shifted sets V2, R, A and Sketch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.images.listing import visible
from bench.source import Source
from bench.spec import Data, DataMissing, Found, Split, UserError
from tasks.md5_order import md5_order
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles
from tasks.readers.locate import locate
from tasks.readers.pixels import Line, labelled
from tasks.readers.shift import Shift, joined, wholeness

PIPELINE = "folders of ImageNet, JPEG by Pillow"
ROOTS = ("imagenet", "ImageNet", "imagenet1k", "imagenet2012", "ILSVRC2012", "ILSVRC/Data/CLS-LOC")
TENCH = "n01440764"  # the first class, by which a folder of all classes is known
WNID = re.compile(r"n\d{8}")  # what a class is called
# For each shifted set: what to look for, and whether that lies in the set's folder or is the folder itself.
SHIFTS: Mapping[str, tuple[Sequence[str], bool]] = {
    "imagenet_v2": (("imagenetv2-matched-frequency-format-val", "imagenetv2-matched-frequency"), False),
    "imagenet_r": (("imagenet-r",), False),
    "imagenet_a": (("imagenet-a",), False),
    "imagenet_sketch": (
        [f"{name}/{TENCH}" for name in ("imagenet-sketch", "ImageNet-Sketch", "imagenet-sketch/sketch", "sketch")], True
    ),
}  # fmt: skip
# Images as published.
TRAIN, VAL = 1_281_167, 50_000
PUBLISHED = {"imagenet_v2": 10_000, "imagenet_r": 30_000, "imagenet_a": 7_500, "imagenet_sketch": 50_889}


@dataclass(frozen=True)
class ImageNet:
    """Reads ImageNet with those of its shifted sets that are there.

    Of the training images the first of each class are taken, in the order of md5 of `<wnid>/<image>`.
    """

    name: str  # of the task
    classes: int
    shots: tuple[int, int]  # images of each class to train and to validate on
    augment: frozenset[str]
    source: Source

    def find(self, data: Path) -> Found:
        """`train/<wnid>/*` and `val/<wnid>/*` with the shifted sets.

        Raises DataMissing without `train`, or without any shifted set, and UserError if classes are missing.
        """
        tench = locate(data, [f"{top}/train/{TENCH}" for top in ROOTS])
        shifted = {name: place for name, known in SHIFTS.items() if (place := located(data, *known)) is not None}
        if tench is None or not shifted:
            raise DataMissing(self.source.missing(self.name, data))
        train, val = tench.parent, tench.parent.with_name("val")
        number = self.numbers(train)
        shifts = [shift(name, place, number) for name, place in shifted.items()]
        held = {wnid: images(train / wnid) for wnid in number}
        adapt, tests = few(train, held, self.shots), validation_images(val, number)
        identities = (identity(train, adapt), identity(val, tests))
        found = Found(
            pipeline=PIPELINE,
            fingerprint=digest([PIPELINE, *number, *identities]),
            load=lambda: self.load(train, adapt, val, tests),
            train_images=len(adapt),
            test_images=len(tests),
            place=train.parent,
            exactness=wholeness("exact", {"train": (sum(map(len, held.values())), TRAIN), "val": (len(tests), VAL)}),
        )
        return joined(found, shifts, np.bincount([label for _, label in tests]).tolist())

    def numbers(self, train: Path) -> dict[str, int]:
        """The label of each class: its number among the sorted class folders. Raises UserError if some are missing."""
        number = {wnid: label for label, wnid in enumerate(sorted(filter(WNID.fullmatch, subfolders(train))))}
        if len(number) != self.classes:
            raise UserError(
                f"{train} has {len(number)} classes where there should be {self.classes:,}; unpack it again"
            )
        return number

    def load(self, train: Path, adapt: Sequence[Line], val: Path, tests: Sequence[Line]) -> Data:
        """Training images followed by validation images, and ImageNet's own validation images to test on."""
        trained = labelled(FolderFiles(train), adapt, self.classes)
        trained = replace(trained, validation=self.shots[1] * self.classes, augment=self.augment)
        return Data(trained, {"test": labelled(FolderFiles(val), tests, self.classes)})


def few(train: Path, held: Mapping[str, Sequence[str]], shots: tuple[int, int]) -> list[Line]:
    """The training lines of all classes, then the validation lines. Raises UserError if a class has too few images."""
    parts: tuple[list[Line], list[Line]] = ([], [])
    for label, (wnid, named) in enumerate(held.items()):
        names = [f"{wnid}/{image}" for image in named]
        if len(names) < sum(shots):
            raise UserError(f"{train / wnid} has fewer than {sum(shots)} images; unpack it again")
        chosen = [(names[at], label) for at in md5_order("", names)[: sum(shots)]]
        parts[0].extend(chosen[: shots[0]])
        parts[1].extend(chosen[shots[0] :])
    return [*parts[0], *parts[1]]


def validation_images(val: Path, number: Mapping[str, int]) -> list[Line]:
    """ImageNet's own validation images. Raises UserError if a class has none."""
    found = lines(val, number)
    missing = number.keys() - {name.partition("/")[0] for name, _ in found}
    if missing:
        raise UserError(
            f"{val} has no images in a folder {min(missing)}; sort the validation images into one folder per class"
        )
    return found


def located(data: Path, known: Sequence[str], inside: bool) -> Path | None:
    """The folder of a shifted set, None if it is not there; `inside` says that what is known lies in that folder."""
    place = locate(data, known)
    return place.parent if place is not None and inside else place


def shift(name: str, folder: Path, number: Mapping[str, int]) -> Shift:
    """All images of a set of class folders. If it lacks classes, only those that it has can be answered."""
    found = lines(folder, number)
    labels = frozenset(label for _, label in found)
    possible = labels if len(labels) < len(number) else None
    load = partial(one, name, folder, found, len(number), possible)
    return Shift(
        name.replace("_", "-"), digest([name, identity(folder, found)]), len(found), PUBLISHED[name], load, possible
    )


def one(
    name: str, folder: Path, found: Sequence[Line], classes: int, possible: frozenset[int] | None
) -> Mapping[str, Split]:
    """A shifted set by its name."""
    return {name: labelled(FolderFiles(folder), found, classes, possible)}


def lines(folder: Path, number: Mapping[str, int]) -> list[Line]:
    """Every image of a folder of class folders, which are called by wnid or, in V2, 0 to 999.

    Raises UserError for a class that ImageNet does not have, and if there is no image.
    """
    found = []
    for name in sorted(subfolders(folder)):
        label = number.get(name, int(name) if name.isdecimal() else len(number))
        if label >= len(number):
            raise UserError(f"{folder} has a folder {name!r}, which is no class of ImageNet; move it away")
        found += [(f"{name}/{image}", label) for image in images(folder / name)]
    if not found:
        raise UserError(f"{folder} has no images in class folders; unpack it again")
    return found


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder; empty if it is absent."""
    return [entry.name for entry in scan(folder) if entry.is_dir()]


def images(folder: Path) -> list[str]:
    """Names of the images in a folder, sorted."""
    return sorted(entry.name for entry in scan(folder) if entry.name.lower().endswith((".jpeg", ".jpg", ".png")))


def scan(folder: Path) -> Iterable[os.DirEntry[str]]:
    """What lies in a folder and is not hidden; empty if it is absent."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry for entry in entries if visible(entry.name)]


def identity(folder: Path, chosen: Sequence[Line]) -> str:
    """Digest of the names, labels and contents of images, in order; sizes stand for contents above 256 MiB."""
    files = FolderFiles(folder)
    return files_digest([(files, name, f"{name} {label}") for name, label in chosen])
