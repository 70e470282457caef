"""A user's own images, `<class>/<image>` in a folder or a zip: what the names say, and how the images are divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.images.listing import images_of
from bench.spec import Data, Found, Split, UserError
from tasks.md5_order import md5_order
from tasks.readers.digest import digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.layout import Picture, one_spelling, placed, refuse
from tasks.readers.listed import pictures_of
from tasks.readers.pixels import Encoded
from tasks.readers.table import beside, rows
from tasks.readers.zips import ZipFiles

UNREAD = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".pdf")
STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"BM",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"GIF8",
    *(b"P%d" % kind for kind in range(1, 7)),
)
UNMARKED = ".tga"  # files of this kind begin with nothing that tells them
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
FEW = 10  # classes that may have one image each before the labels look wrong
TEST, VALIDATION = 1 / 4, 1 / 5  # of a class, and of what remains of it
READ_AT_MOST = 1 << 30  # bytes, to identify the images
LIGHT = frozenset({"flip", "shift"})  # what the labels of most photographs survive
PIPELINE = "folder of images by Pillow, upright, transparency on white"


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
            if blob is not None and not is_marked(picture.name, blob):
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
    files = opened(path)
    names = files.names()
    unread = [name for name in names if name.lower().endswith(UNREAD)]
    refuse(files, unread, "in a format that is not read", "convert them")
    dangling = files.dangling if isinstance(files, FolderFiles) else []
    names = images_of(names, dangling, path)
    listing = beside(path) if path.is_dir() and names and not_in_classes(names) else None
    if listing:
        return checked(files, pictures_of(path, *listing), listing[0])
    return checked(files, one_spelling(placed(files, names))[0], path)


def not_in_classes(names: Sequence[str]) -> bool:
    """Whether an image lies in no folder, or all in the same one: the names then tell no classes apart."""
    return any("/" not in name for name in names) or len({name.partition("/")[0] for name in names}) == 1


def tabled(path: Path, named: Mapping[str, str]) -> ImageFolder:
    """The images that a table lists, in its folder. Raises UserError for whatever makes them unfit to be a task."""
    pictures = pictures_of(path.parent, path, rows(path, named))
    labels = len({picture.label for picture in pictures})
    if labels > len(pictures) / 2 and labels > FEW:
        raise UserError(
            f"{path} has {labels:,} different labels for {len(pictures):,} images; name the column of the classes as "
            f"csv:{path}:label=COLUMN"
        )
    return checked(FolderFiles(path.parent), pictures, path)


def checked(files: Files, pictures: Sequence[Picture], place: Path) -> ImageFolder:
    """Some pictures as a folder. Raises UserError if they have fewer than two classes, or a class is too small."""
    classes = tuple(sorted({picture.label for picture in pictures}))
    if not classes:
        raise UserError(f"{place} has no images; lay them out as <class>/<image> in it")
    if len(classes) == 1:
        raise UserError(f"{place} has one class only, {classes[0]!r}; put a folder of images for each class into it")
    folder = ImageFolder(files, classes, ordered(pictures))
    check_classes(folder)
    return folder


def opened(path: Path) -> Files:
    """The files of a folder or a zip. Raises UserError for a file of another kind, and for a zip that is not whole."""
    if path.is_file() and path.name.lower().endswith(TARS):
        raise UserError(
            f"{path} is a tar, and images are read out of folders and zips; unpack it with `tar -xf {path}`"
        )
    return FolderFiles(path) if path.is_dir() else ZipFiles(path)


def is_marked(name: str, blob: bytes) -> bool:
    """Whether a file begins as images of its kind do; an empty one does not."""
    return blob.startswith(STARTS) or (name.lower().endswith(UNMARKED) and bool(blob))


def ordered(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Pictures in the order of the md5 digests of their keys, which is the same on every machine."""
    return tuple(pictures[at] for at in md5_order("", [picture.key for picture in pictures]))


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
