"""Raw copies whose splits are list files beside the images: DTD, Flowers 102, Oxford-IIIT Pet and SUN397."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bench.spec import UserError
from tasks.readers.archives import folder_or_archive, identity, root
from tasks.readers.class_folders import numbered
from tasks.readers.files import FolderFiles, decoded, text
from tasks.readers.locate import locate
from tasks.readers.matlab import matlab
from tasks.readers.pixels import Encoded
from tasks.readers.raw import JPEG, Pool, Raw

DTD_LISTS = {"train": "train1", "validation": "val1", "test": "test1"}  # the first of ten folds
FLOWERS102_LISTS = {"train": "trnid", "validation": "valid", "test": "tstid"}
PETS_LISTS = {"train": "trainval", "test": "test"}
SUN397_LISTS = {"train": "sun397_tfds_tr.txt", "validation": "sun397_tfds_va.txt", "test": "sun397_tfds_te.txt"}


def dtd(data: Path) -> Raw | None:
    """`labels/train1.txt` and its like name `images/<class>/<image>.jpg`; a line is the key."""
    files = folder_or_archive(data, "labels/train1.txt", ("dtd-r1.0.1.tar.gz", "dtd-r1.0.1.tar"))
    if files is None:
        return None

    def pool(split: str) -> Pool:
        top = root(files, "labels/train1.txt")
        lines = text(files, f"{top}labels/{DTD_LISTS[split]}.txt").split()
        labels = numbered([line.partition("/")[0] for line in lines], 47, files.path)
        return Pool(lines, labels, Encoded(files, [f"{top}images/{line}" for line in lines]))

    return Raw(files.path, JPEG, pool, identity(files))


def flowers102(data: Path) -> Raw | None:
    """`setid.mat` numbers the images of each split, `imagelabels.mat` labels `jpg/image_%05d.jpg` from 1 to 102."""
    files = folder_or_archive(data, "jpg/image_00001.jpg", ("102flowers.tgz", "102flowers.tar"))
    marked, divided = (locate(data, [name]) for name in ("imagelabels.mat", "setid.mat"))
    if files is None or marked is None or divided is None:
        return None

    def pool(split: str) -> Pool:
        top = root(files, "jpg/image_00001.jpg")
        numbers = matlab(divided, FLOWERS102_LISTS[split]).ravel().tolist()
        labels = matlab(marked, "labels").ravel()
        keys = [f"image_{number:05}.jpg" for number in numbers]
        return Pool(
            keys, [int(labels[at - 1]) - 1 for at in numbers], Encoded(files, [f"{top}jpg/{key}" for key in keys])
        )

    return Raw(files.path, JPEG, pool, identity(files, marked, divided))


def pets(data: Path) -> Raw | None:
    """`annotations/{trainval,test}.txt` have lines `Abyssinian_100 1 1 1`: image, label from 1, species, breed."""
    notes = folder_or_archive(data, "annotations/trainval.txt", ("annotations.tar.gz", "annotations.tar"))
    images = folder_or_archive(data, "images/Abyssinian_1.jpg", ("images.tar.gz", "images.tar"))
    if notes is None or images is None:
        return None

    def pool(split: str) -> Pool:
        listing = f"annotations/{PETS_LISTS[split]}.txt"
        lines = text(notes, root(notes, listing) + listing).splitlines()
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        if any(len(row) < 2 or not row[1].isdecimal() for row in rows):
            raise UserError(f"{listing} in {notes.path} has a line that is not `image label …`; get it again")
        top = root(images, "images/Abyssinian_1.jpg")
        keys = [f"{row[0]}.jpg" for row in rows]
        return Pool(keys, [int(row[1]) - 1 for row in rows], Encoded(images, [f"{top}images/{key}" for key in keys]))

    same = isinstance(notes, FolderFiles) and isinstance(images, FolderFiles) and notes.path == images.path
    return Raw(images.path, JPEG, pool, identity(images) if same else identity(notes, images))


def sun397(data: Path) -> Raw | None:
    """The unpacked folder SUN397, divided by tensorflow-datasets' three lists of lines such as `/a/abbey/sun_x.jpg`."""
    place = locate(data, ["SUN397/a/abbey", "a/abbey"])
    if place is None:
        return None
    files = FolderFiles(place.parent.parent)
    lists = {split: sun397_list(data, name) for split, name in SUN397_LISTS.items()}

    @cache
    def held() -> dict[str, list[str]]:
        return {name: decoded(path.read_bytes(), str(path)).split() for name, path in lists.items()}

    @cache
    def classes() -> dict[str, int]:
        folders = {line.rpartition("/")[0] for lines in held().values() for line in lines}
        return {name: label for label, name in enumerate(sorted(folders))}

    def pool(split: str) -> Pool:
        lines, number = held()[split], classes()
        labels = [number[line.rpartition("/")[0]] for line in lines]
        return Pool(lines, labels, Encoded(files, [line.removeprefix("/") for line in lines]))

    return Raw(files.path, f"{JPEG}, at full size", pool, identity(files, *lists.values()))


def sun397_list(data: Path, name: str) -> Path:
    """A list file in the data folder, or in the package tensorflow-datasets, which is not imported for it.

    Raises UserError if neither has it.
    """
    found = locate(data, [name, f"SUN397/{name}"])
    package = find_spec("tensorflow_datasets") if found is None else None
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "image_classification" / name
        found = path if path.is_file() else found
    if found is None:
        raise UserError(
            f"SUN397 under {data} lacks the list {name}; copy it there from tensorflow-datasets' image_classification"
        )
    return found
