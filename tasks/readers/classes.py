"""Raw copies that are one folder a class: EuroSAT, NWPU-RESISC45 and Caltech-101."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.digest import file_digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Pool, Raw
from tasks.readers.tars import TarFiles
from tasks.readers.zips import ZipFiles

JPEG = "authors' files, JPEG by Pillow"
EUROSAT = ("EuroSAT.zip", "eurosat.zip", "EuroSAT_RGB.zip", "EuroSAT_RGB", "EuroSAT/2750", "2750")
RESISC45 = ("NWPU-RESISC45", "NWPU-RESISC45.zip")
CALTECH101 = ("101_ObjectCategories", "101_ObjectCategories.tar.gz", "caltech-101.zip")
CALTECH101_TRAINING, CALTECH101_SEED = 30, 1234  # images a class and numpy's seed, of tensorflow-datasets


def eurosat(data: Path) -> Raw | None:
    """The authors' zip, `2750/<class>/<class>_<n>.jpg`, or the folder unpacked from it."""
    return class_folders(data, EUROSAT, 10)


def resisc45(data: Path) -> Raw | None:
    """The folder unpacked from the authors' RAR, `NWPU-RESISC45/<class>/<class>_<n>.jpg`, or a zip of it."""
    return class_folders(data, RESISC45, 45)


def class_folders(data: Path, places: Sequence[str], count: int) -> Raw | None:
    """A copy of `…/<class>/<image>.jpg`, all in the prepared split `train`, keyed `<class>_<image>.jpg`."""
    place = locate(data, places)
    if place is None:
        return None
    files: Files = FolderFiles(place) if place.is_dir() else ZipFiles(place)
    names, keys, folders = [], [], []
    for name in files.names():
        folder, _, image = name.rpartition("/")
        if folder and image.lower().endswith((".jpg", ".jpeg")):
            folders.append(folder.rpartition("/")[2])
            keys.append(f"{folders[-1]}_{image}")
            names.append(name)
    pool = Pool(keys, numbered(folders, count, place), Encoded(files, names))
    return Raw(place, JPEG, lambda split: pool)


def numbered(folders: Sequence[str], count: int, place: Path) -> list[int]:
    """Labels out of class names, sorted. Raises UserError when there are not `count` classes."""
    number = {name: label for label, name in enumerate(sorted(set(folders)))}
    if len(number) != count:
        raise UserError(f"{place} has images of {len(number)} classes where there should be {count}; get a whole copy")
    return [number[folder] for folder in folders]


def caltech101(data: Path) -> Raw | None:
    """The authors' zip, the tar inside of it, or the folder unpacked from that, `101_ObjectCategories/<class>/<image>`.

    tensorflow-datasets draws 30 images of each class for training with numpy's generator, walking over the folders as
    the machine happens to list them. Here they are walked over in sorted order, so the 1,000 images are drawn alike but
    are not the published ones.
    """
    place = locate(data, CALTECH101)
    if place is None:
        return None
    pools = cache(lambda: _caltech101(place))
    identity = "" if place.is_dir() else file_digest(place)
    return Raw(place, f"{JPEG}, training images drawn in sorted order", lambda split: pools()[split], identity)


def _caltech101(place: Path) -> dict[str, Pool]:
    """Training and test images. Raises UserError for a class with fewer than 30."""
    files = caltech101_files(place)
    folders: dict[str, list[str]] = {}
    for name in files.names():
        parts = name.split("/")
        if len(parts) >= 2:
            folders.setdefault("/".join(parts[:-1]), []).append(parts[-1])
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
    """The images, out of a tar in the authors' zip if need be."""
    if place.is_dir():
        return FolderFiles(place)
    if place.suffix != ".zip":
        return TarFiles(place)
    outer = ZipFiles(place)
    inner = next((name for name in outer.names() if name.endswith("101_ObjectCategories.tar.gz")), "")
    return TarFiles(place, lambda: outer.read(inner)) if inner else outer


def caltech101_pool(files: Files, images: Sequence[tuple[str, str]], labels: dict[str, int]) -> Pool:
    """(folder, image) pairs as a pool, keyed `<class>/<image>.jpg`."""
    classes = [folder.rpartition("/")[2] for folder, _ in images]
    return Pool(
        keys=[f"{name}/{image}" for name, (_, image) in zip(classes, images, strict=True)],
        labels=[labels[name.lower()] for name in classes],
        images=Encoded(files, [f"{folder}/{image}" for folder, image in images]),
    )
