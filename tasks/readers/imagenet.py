"""ImageNet as folders of classes, a few images of each to adapt to; and its shifted sets V2, R, A and Sketch, whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bench.spec import Data, Found, Split, Task, UserError
from tasks.order import md5_order
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles, visible
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.shift import Shift, joined, wholeness

PIPELINE = "folders of ImageNet, JPEG by Pillow"
ROOTS = ("imagenet", "ImageNet", "imagenet1k", "imagenet2012", "ILSVRC2012", "ILSVRC/Data/CLS-LOC")
TENCH = "n01440764"  # the first class, by which a folder of all classes is known
WNID = re.compile(r"n\d{8}")
# What to look for, and how many folders it is below the set's own.
SHIFTS: Mapping[str, tuple[Sequence[str], int]] = {
    "imagenet_v2": (("imagenetv2-matched-frequency-format-val", "imagenetv2-matched-frequency"), 0),
    "imagenet_r": (("imagenet-r",), 0),
    "imagenet_a": (("imagenet-a",), 0),
    "imagenet_sketch": (
        [f"{name}/{TENCH}" for name in ("imagenet-sketch", "ImageNet-Sketch", "imagenet-sketch/sketch", "sketch")], 1
    ),
}  # fmt: skip
# Images as published.
TRAIN, VAL = 1_281_167, 50_000
PUBLISHED = {"imagenet_v2": 10_000, "imagenet_r": 30_000, "imagenet_a": 7_500, "imagenet_sketch": 50_889}
Line = tuple[str, int]  # name relative to a folder, label


def imagenet(task: Task, data: Path) -> Found | None:
    """`train/<wnid>/*` and `val/<wnid>/*` with the shifted sets that are there; None without the first or any of these.

    Of training images the first of each class are taken, by md5 of `<wnid>/<image>`: as many to train and to validate
    on as the task's `shots` say. Raises UserError when classes are missing.
    """
    tench = locate(data, [f"{top}/train/{TENCH}" for top in ROOTS])
    if tench is None:
        return None
    train = tench.parent
    number = {wnid: label for label, wnid in enumerate(sorted(filter(WNID.fullmatch, subfolders(train))))}
    if len(number) != task.classes:
        raise UserError(f"{train} has {len(number)} classes where there should be {task.classes:,}; unpack it again")
    more = shifts(data, number)
    if not more:
        return None
    held = {wnid: images(train / wnid) for wnid in number}
    adapt, tests = few(train, held, task.facts["shots"]), lines(train.with_name("val"), number)
    missing = number.keys() - {name.partition("/")[0] for name, _ in tests}
    if missing:
        raise UserError(
            f"{train.with_name('val')} has no images in a folder {min(missing)}; "
            "sort the validation images into a folder a class"
        )
    val = task.facts["shots"][1] * task.classes

    def load() -> Data:
        trained = split(train, adapt, task.classes)
        augmented = Split(trained.images, trained.labels, task.classes, val, task.facts["augment"])
        return Data(augmented, {"test": split(train.with_name("val"), tests, task.classes)})

    print_of = digest([PIPELINE, *number, identity(train, adapt), identity(train.with_name("val"), tests)])
    exactness = wholeness("exact", {"train": (sum(map(len, held.values())), TRAIN), "val": (len(tests), VAL)})
    found = Found(PIPELINE, print_of, load, len(adapt), len(tests), train.parent, exactness)
    return joined(found, more, np.bincount([label for _, label in tests]).tolist())


def few(train: Path, held: Mapping[str, Sequence[str]], shots: tuple[int, int]) -> list[Line]:
    """The training lines of all classes, then the validation lines. Raises UserError for a class with too few."""
    parts: tuple[list[Line], list[Line]] = ([], [])
    for label, (wnid, named) in enumerate(held.items()):
        names = [f"{wnid}/{image}" for image in named]
        if len(names) < sum(shots):
            raise UserError(f"{train / wnid} has fewer than {sum(shots)} images; unpack it again")
        chosen = [(names[at], label) for at in md5_order("", names)[: sum(shots)]]
        parts[0].extend(chosen[: shots[0]])
        parts[1].extend(chosen[shots[0] :])
    return [*parts[0], *parts[1]]


def shifts(data: Path, number: Mapping[str, int]) -> list[Shift]:
    """Those of the four shifted sets that are there."""
    places = {name: (locate(data, known), up) for name, (known, up) in SHIFTS.items()}
    return [shift(name, place.parent if up else place, number) for name, (place, up) in places.items() if place]


def shift(name: str, folder: Path, number: Mapping[str, int]) -> Shift:
    """All images of a set of class folders; scores of classes that it has no folder of are not to be looked at."""
    found = lines(folder, number)
    labels = frozenset(label for _, label in found)
    possible = labels if len(labels) < len(number) else None
    load = partial(one, name, folder, found, len(number), possible)
    print_of = digest([name, identity(folder, found)])
    return Shift(name.replace("_", "-"), print_of, len(found), PUBLISHED[name], load, possible)


def one(
    name: str, folder: Path, found: Sequence[Line], classes: int, possible: frozenset[int] | None
) -> Mapping[str, Split]:
    """A shifted set by its name."""
    return {name: split(folder, found, classes, possible)}


def lines(folder: Path, number: Mapping[str, int]) -> list[Line]:
    """Every image of a folder of class folders, which are called by wnid or, in V2, 0 to 999.

    Raises UserError for a class that ImageNet does not have, and when there is no image.
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
    """Names of the folders in a folder; none when it is absent."""
    return [entry.name for entry in scan(folder) if visible(entry.name) and entry.is_dir()]


def images(folder: Path) -> list[str]:
    """Names of the images in a folder, sorted."""
    names = [entry.name for entry in scan(folder) if visible(entry.name)]
    return sorted(name for name in names if name.lower().endswith((".jpeg", ".jpg", ".png")))


def scan(folder: Path) -> Iterable[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def identity(folder: Path, chosen: Sequence[Line]) -> str:
    """Digest of the names, labels and contents, or of more than 256 MiB the sizes, of images in order."""
    files = FolderFiles(folder)
    return files_digest([(files, name, f"{name} {label}") for name, label in chosen])


def split(folder: Path, chosen: Sequence[Line], classes: int, possible: frozenset[int] | None = None) -> Split:
    """Images and labels of some lines."""
    labels = np.array([label for _, label in chosen], np.int64)
    return Split(Encoded(FolderFiles(folder), [name for name, _ in chosen]), labels, classes, possible=possible)
