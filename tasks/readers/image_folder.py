"""A user's own images, `<class>/<image>` in a folder or a zip: what the names say, and how the images are divided."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.images.decode import READ
from bench.spec import Data, Found, Split, UserError
from tasks.md5_order import md5_order
from tasks.readers.digest import digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.pixels import Encoded
from tasks.readers.zips import ZipFiles

UNREAD = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".pdf")
STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
TEST, VALIDATION = 1 / 4, 1 / 5  # of a class, and of what remains of it
READ_AT_MOST = 1 << 30  # bytes, to identify the images
LIGHT = frozenset({"flip", "shift"})  # what the labels of most photographs survive
PIPELINE = "folder of images by Pillow, upright, transparency on white"


@dataclass(frozen=True)
class Picture:
    """One image file: its name in the folder, its class, and its part of the folder, "train" if there are no parts."""

    name: str
    label: str
    part: str
    key: str  # `<class>/<image>`, which decides its place in the order


@dataclass(frozen=True)
class ImageFolder:
    """Reads a folder of images by what the names in it say; no image is opened before `find`."""

    files: Files
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]  # in the order of the digests of their keys

    def find(self, data: Path) -> Found:
        """The folder, identified by the names and contents of its images, in order.

        Of more than 1 GiB of images, an evenly spread part of that size is read. Raises UserError naming the first of
        them that is not an image; leaving it out silently would make another data set.
        """
        chosen = self.parts()
        pictures = [picture for part in chosen for picture in part]
        step = 1 + sum(self.files.size(picture.name) for picture in pictures) // READ_AT_MOST
        texts, broken = [PIPELINE, *map(str, map(len, chosen))], []
        for place, picture in enumerate(pictures):
            blob = self.files.read(picture.name) if place % step == 0 else None
            if blob is not None and not blob.startswith(STARTS):
                broken.append(picture.name)
            content = blake2b(blob, digest_size=16).hexdigest() if blob is not None else ""
            texts.append(f"{picture.key} {self.files.size(picture.name)} {content}")
        refuse(self.files, broken, "not whole images", "put whole copies in their place, or remove them")
        train, val, test = map(len, chosen)
        return Found(PIPELINE, digest(texts), self.load, train + val, test, self.files.path, "exact", self.classes)

    def load(self) -> Data:
        """Training images followed by validation images, and the test images."""
        train, val, test = self.parts()
        adapt = replace(self.split([*train, *val]), validation=len(val), augment=LIGHT)
        return Data(adapt, {"test": self.split(test)})

    def parts(self) -> tuple[list[Picture], list[Picture], list[Picture]]:
        """Training, validation and test images. Parts that the folder lacks are drawn from the training images."""
        train, val, test = ([each for each in self.pictures if each.part == part] for part in ("train", "val", "test"))
        if not test:
            test, train = first(train, share(train, TEST))
        if not val:
            val, train = first(train, share(train, VALIDATION))
        return train, val, test

    def split(self, pictures: Sequence[Picture]) -> Split:
        """Some pictures as images with labels; classes are numbered by name."""
        number = {name: label for label, name in enumerate(self.classes)}
        labels = np.array([number[picture.label] for picture in pictures], dtype=np.int64)
        images = Encoded(self.files, [picture.name for picture in pictures], upright=True)
        return Split(images=images, labels=labels, classes=len(self.classes))


def look(path: Path) -> ImageFolder:
    """Lists a folder's images and their classes. Raises UserError for whatever makes it unfit to be a task."""
    if not path.exists():
        raise UserError(f"there is no folder {path}; name one that has a folder of images for each class")
    files: Files = FolderFiles(path) if path.is_dir() else ZipFiles(path)
    names = files.names()
    unread = [name for name in names if name.lower().endswith(UNREAD)]
    refuse(files, unread, "in a format that is not read", "convert them")
    pictures = placed(files, [name for name in names if name.lower().endswith(READ)])
    classes = tuple(sorted({picture.label for picture in pictures}))
    if not classes:
        raise UserError(f"{path} has no images; lay them out as <class>/<image> in it")
    if len(classes) == 1:
        raise UserError(f"{path} has one class only, {classes[0]!r}; put a folder of images for each class into it")
    folder = ImageFolder(files, classes, ordered(pictures))
    check_classes(folder)
    return folder


def ordered(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Pictures in the order of the md5 digests of their keys, which is the same on every machine."""
    return tuple(pictures[at] for at in md5_order("", [picture.key for picture in pictures]))


def placed(files: Files, names: Sequence[str]) -> list[Picture]:
    """Each image with its class and part. Raises UserError for an image in no class, and a folder beside the parts."""
    paths = {name: name.split("/") for name in names}
    if files.path.is_file() and len({path[0] for path in paths.values()}) == 1:  # a zip of the folder itself
        paths = {name: path[1:] for name, path in paths.items()}
    tops = {path[0] for path in paths.values() if len(path) > 1}
    known = {top for top in tops if top.lower() in PARTS}
    divided = any(PARTS[top.lower()] == "train" for top in known) and (len(known) > 1 or len(tops) == 1)
    if divided and tops != known:
        raise UserError(f"{files.path} has {min(tops - known)!r} beside train, val and test; move it away")
    depth = 2 if divided else 1
    stray = [name for name, path in paths.items() if len(path) <= depth]
    refuse(files, stray, "in no class", "move them into class folders")
    return [
        Picture(
            name=name,
            label=path[depth - 1],
            part=PARTS[path[0].lower()] if divided else "train",
            key=unicodedata.normalize("NFC", "/".join(path[depth - 1 :])),  # macOS may spell names otherwise
        )
        for name, path in paths.items()
    ]


def check_classes(folder: ImageFolder) -> None:
    """Raises UserError if the parts differ in their classes, or a class is too small to be divided."""
    counts = Counter((picture.part, picture.label) for picture in folder.pictures)
    present = {picture.part for picture in folder.pictures}
    for part in sorted(present):
        for label in folder.classes:
            if not counts[part, label]:
                raise UserError(
                    f"{folder.files.path} has no images of class {label!r} in its {part} part; "
                    "add some, or remove the class"
                )
    needed = 4 - len(present)  # one for each part that has to be drawn, and one to train on
    for label in folder.classes:
        if counts["train", label] < needed:
            raise UserError(
                f"class {label!r} of {folder.files.path} has {counts['train', label]} images to train on "
                f"where at least {needed} are needed; add some, or remove the class"
            )


def share(pictures: Sequence[Picture], part: float) -> dict[str, int]:
    """So large a part of each class, as a number of pictures: at least one."""
    return {label: max(1, round(count * part)) for label, count in Counter(each.label for each in pictures).items()}


def first(pictures: Sequence[Picture], counts: Mapping[str, int]) -> tuple[list[Picture], list[Picture]]:
    """The first `counts[class]` pictures of each class, and the others, both in the order given."""
    left = dict(counts)
    taken: list[Picture] = []
    others: list[Picture] = []
    for picture in pictures:
        (taken if left[picture.label] > 0 else others).append(picture)
        left[picture.label] -= 1
    return taken, others


def refuse(files: Files, names: Sequence[str], what: str, remedy: str) -> None:
    """Raises UserError naming the first of the files that cannot be used, and how many there are; none is no error."""
    if names:
        count = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
        raise UserError(f"{count} {what}, the first is {files.where(names[0])}; {remedy}")
