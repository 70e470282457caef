"""Raw copies with one folder per class: EuroSAT, NWPU-RESISC45 and Caltech-101."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.archives import opened
from tasks.readers.digest import file_digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import JPEG, Pool, Raw
from tasks.readers.tars import TarFiles

EUROSAT = ("EuroSAT.zip", "eurosat.zip", "EuroSAT_RGB.zip", "EuroSAT_RGB", "EuroSAT/2750", "2750")
RESISC45 = ("NWPU-RESISC45", "NWPU-RESISC45.zip")
CALTECH101 = ("101_ObjectCategories", "101_ObjectCategories.tar.gz", "caltech-101.zip")
CALTECH101_TRAINING, CALTECH101_SEED = 30, 1234  # images of a class and numpy's seed, as tensorflow-datasets has them


def eurosat(data: Path) -> Raw | None:
    """The authors' zip, `2750/<class>/<class>_<n>.jpg`, or the folder unpacked from it."""
    return class_folders(data, EUROSAT, 10)


def resisc45(data: Path) -> Raw | None:
    """The folder unpacked from the authors' RAR, `NWPU-RESISC45/<class>/<class>_<n>.jpg`, or a zip of it."""
    return class_folders(data, RESISC45, 45)


def class_folders(data: Path, places: Sequence[str], count: int) -> Raw | None:
    """A copy of `…/<class>/<image>.jpg`, all of it the split `train`, with the keys `<class>_<image>.jpg`."""
    place = locate(data, places)
    if place is None:
        return None
    files = files_at(place)
    names, keys, folders = [], [], []
    for name in files.names():
        folder, _, image = name.rpartition("/")
        if folder and image.lower().endswith((".jpg", ".jpeg")):
            folders.append(folder.rpartition("/")[2])
            keys.append(f"{folders[-1]}_{image}")
            names.append(name)
    pool = Pool(keys, numbered(folders, count, place), Encoded(files, names))
    return Raw(place, JPEG, lambda split: pool)


def files_at(place: Path) -> Files:
    """The files of a folder, a zip or a tar. Raises UserError for a zip that is not whole."""
    return FolderFiles(place) if place.is_dir() else opened(place)


def numbered(folders: Sequence[str], count: int, place: Path) -> list[int]:
    """Labels out of class names: their number when sorted. Raises UserError if there are not `count` classes."""
    number = {name: label for label, name in enumerate(sorted(set(folders)))}
    if len(number) != count:
        raise UserError(f"{place} has images of {len(number)} classes where there should be {count}; get a whole copy")
    return [number[folder] for folder in folders]


def caltech101(data: Path) -> Raw | None:
    """The authors' zip, the tar inside it, or the folder unpacked from that, `101_ObjectCategories/<class>/<image>`.

    tensorflow-datasets draws 30 training images of each class with numpy's generator, going through the folders as the
    machine happens to list them. Here they are gone through in sorted order. So the 1,000 images are drawn alike, but
    they are not the published ones.
    """
    place = locate(data, CALTECH101)
    if place is None:
        return None
    pools = cache(lambda: caltech101_pools(place))
    identity = "" if place.is_dir() else file_digest(place)
    return Raw(place, f"{JPEG}, training images drawn in sorted order", lambda split: pools()[split], identity)


def caltech101_pools(place: Path) -> dict[str, Pool]:
    """Training and test images. Raises UserError for a class with fewer than 30 images."""
    files = caltech101_files(place)
    folders: dict[str, list[str]] = {}
    for name in files.names():
        folder, _, image = name.rpartition("/")
        if folder:
            folders.setdefault(folder, []).append(image)
    generator = np.random.RandomState(CALTECH101_SEED)
    chosen: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for folder in sorted(folders):
        if len(folders[folder]) < CALTECH101_TRAINING:
            raise UserError(f"{place} has fewer than 30 images in {folder}; get a whole copy")
        training = set(generator.choice(folders[folder], CALTECH101_TRAINING, replace=False).tolist())
        for image in folders[folder]:
            if image.lower().endswith(".jpg"):
                chosen["train" if image in training else "test"].append((folder, image))
    labels = {name: at for at, name in enumerate(sorted({folder.rpartition("/")[2].lower() for folder in folders}))}
    return {split: caltech101_pool(files, images, labels) for split, images in chosen.items()}


def caltech101_files(place: Path) -> Files:
    """The images, out of the tar in the authors' zip if need be."""
    outer = files_at(place)
    inner = next((name for name in outer.names() if name.endswith("101_ObjectCategories.tar.gz")), "")
    return TarFiles(place, lambda: outer.read(inner)) if inner else outer


def caltech101_pool(files: Files, images: Sequence[tuple[str, str]], labels: Mapping[str, int]) -> Pool:
    """(folder, image) pairs as a pool, with the keys `<class>/<image>.jpg`."""
    classes = [folder.rpartition("/")[2] for folder, _ in images]
    return Pool(
        keys=[f"{name}/{image}" for name, (_, image) in zip(classes, images, strict=True)],
        labels=[labels[name.lower()] for name in classes],
        images=Encoded(files, [f"{folder}/{image}" for folder, image in images]),
    )
