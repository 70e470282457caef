"""CIFAR-10 and the test sets made to go with it: CIFAR-10.1, CIFAR-10-C and STL-10, out of their authors' own files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from bench.spec import Split, UserError
from tasks.readers.digest import digest, file_digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.lists import identity, root
from tasks.readers.locate import locate
from tasks.readers.matrices import STORED, Pixels, plain_pickle, planes
from tasks.readers.pixels import Arrays
from tasks.readers.raw import Pool, Raw
from tasks.readers.shift import Shift, array, labelled
from tasks.readers.tars import TarFiles

CLASSES = 10
ROW = 1 + 3 * 32 * 32  # label, three planes
BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
KINDS = (("cifar-10-batches-bin", ".bin", "cifar-10-binary"), ("cifar-10-batches-py", "", "cifar-10-python"))
PUBLISHED = {"v6": 2_000, "v4": 2_021}  # images of CIFAR-10.1, by version
EACH = 1_000  # test images of a class of CIFAR-10
SEVERITIES = 5
# The fifteen of the benchmark (Hendrycks & Dietterich 2019, arXiv:1903.12261); the four others that the files hold were
# meant for choosing by, which is not done on shifted images here.
CORRUPTIONS = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
# airplane bird car cat deer dog horse monkey ship truck, as CIFAR-10 numbers them; it has frogs in place of monkeys.
STL10_LABELS = (0, 2, 1, 3, 4, 5, 7, None, 8, 9)
STL10_ROW = 3 * 96 * 96
STL10_SHARED = 7_200  # test images of the nine classes


def cifar10(data: Path) -> Raw | None:
    """The binary version, rows of label and pixels, or else the Python version of the same rows."""
    for folder, suffix, archive in KINDS:
        known = f"{folder}/test_batch{suffix}"
        place = locate(data, [known, f"{archive}.tar.gz", f"{archive}.tar"])
        if place is not None:
            files: Files = FolderFiles(place.parent) if place.name == f"test_batch{suffix}" else TarFiles(place)
            return Raw(files.path, STORED, partial(batches, files, suffix), identity(files))
    return None


def batches(files: Files, suffix: str, split: str) -> Pool:
    """The images of a split, in the order of the files."""
    top = root(files, f"test_batch{suffix}")
    names = [f"{top}{name}{suffix}" for name in BATCHES[split]]
    files.hold(names)  # a tar is then passed through once
    read = binary if suffix else pickled
    found = [read(files.read(name), files.where(name)) for name in names]
    rows, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Pool(range(len(labels)), labels, Arrays(rows, planes))


def binary(blob: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072) and labels (n,) of a binary batch. Raises UserError when a row is cut off."""
    if len(blob) % ROW:
        raise UserError(f"{where} is cut off; download it again")
    rows = np.frombuffer(blob, np.uint8).reshape(-1, ROW)
    return rows[:, 1:], rows[:, 0]


def pickled(blob: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072) and labels (n,) of a pickled batch. Raises UserError when it holds something else."""
    table = plain_pickle(blob, where, "cifar-10-binary.tar.gz")
    rows, labels = table.get(b"data", table.get("data")), table.get(b"labels", table.get("labels"))
    if not isinstance(rows, Pixels) or labels is None:
        raise UserError(f"{where} has no images with labels; get cifar-10-binary.tar.gz in its place")
    return rows.array().reshape(-1, ROW - 1), np.asarray(labels)


def cifar10_1(data: Path) -> Shift | None:
    """CIFAR-10.1 in version 6, which its authors recommend, or else 4: 2,000 new images of the same classes."""
    for version in ("v6", "v4"):
        place = locate(data, [f"{where}cifar10.1_{version}_data.npy" for where in ("", "CIFAR-10.1/datasets/")])
        if place is not None:
            return _cifar10_1(place, version)
    return None


def _cifar10_1(place: Path, version: str) -> Shift:
    beside = place.with_name(f"cifar10.1_{version}_labels.npy")
    if not beside.is_file():
        raise UserError(f"{place} has no {beside.name} beside it; download it too")

    def load() -> Mapping[str, Split]:
        labels = labelled(beside, CLASSES)
        return {f"cifar10.1_{version}": Split(Arrays(pixels(place, len(labels))), labels, CLASSES)}

    images = len(array(beside))
    return Shift(f"CIFAR-10.1 {version}", digest(map(file_digest, (place, beside))), images, PUBLISHED[version], load)


def cifar10_c(data: Path) -> Shift | None:
    """CIFAR-10-C: the test images under fifteen corruptions in five severities, named `cifar10c/<corruption>/<1..5>`.

    A file holds one corruption, the severities one after another. Raises UserError when a file is missing.
    """
    folders = ("CIFAR-10-C", "cifar-10-c", "cifar10c")
    beside = locate(data, [f"{folder}/labels.npy" for folder in folders])
    if beside is None:
        return None
    paths = {name: beside.with_name(f"{name}.npy") for name in CORRUPTIONS}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        raise UserError(f"{beside.parent} lacks {', '.join(missing)}; unpack CIFAR-10-C.tar again")

    def load() -> Mapping[str, Split]:
        found = {}
        labels = labelled(beside, CLASSES)
        each = len(labels) // SEVERITIES
        for name, path in paths.items():
            rows = pixels(path, len(labels))
            for at in range(SEVERITIES):
                part = slice(each * at, each * (at + 1))
                found[f"cifar10c/{name}/{at + 1}"] = Split(Arrays(rows[part]), labels[part], CLASSES)
        return found

    images, whole = len(paths) * len(array(beside)), len(paths) * SEVERITIES * CLASSES * EACH
    return Shift("CIFAR-10-C", digest(map(file_digest, (beside, *paths.values()))), images, whole, load)


def stl10(data: Path) -> Shift | None:
    """STL-10's test images of the nine classes that CIFAR-10 has too, 96 pixels; monkeys are left out.

    `test_X.bin` holds three planes an image, each by columns; `test_y.bin` a label an image, 1 to 10.
    """
    place = locate(data, ["stl10_binary/test_X.bin", "STL10/test_X.bin", "stl10/test_X.bin", "test_X.bin"])
    if place is None:
        return None
    beside = place.with_name("test_y.bin")
    if not beside.is_file() or place.stat().st_size != STL10_ROW * beside.stat().st_size:
        raise UserError(f"{place} and its test_y.bin are not whole; unpack stl10_binary.tar.gz again")
    stored = np.fromfile(beside, np.uint8).astype(np.int64) - 1
    if len(stored) == 0 or stored.min() < 0 or stored.max() >= len(STL10_LABELS):
        raise UserError(f"{beside} has a label outside 1..10, or none; unpack stl10_binary.tar.gz again")
    kept = [at for at, label in enumerate(stored.tolist()) if STL10_LABELS[label] is not None]
    possible = frozenset(label for label in STL10_LABELS if label is not None)

    def load() -> Mapping[str, Split]:
        rows = np.memmap(place, np.uint8, "r").reshape(-1, 3, 96, 96)
        labels = np.array([STL10_LABELS[stored[at]] for at in kept], np.int64)
        return {"stl10": Split(Arrays(rows, by_columns).take(kept), labels, CLASSES, possible=possible)}

    return Shift("STL-10", digest(map(file_digest, (place, beside))), len(kept), STL10_SHARED, load, possible)


def by_columns(row: np.ndarray) -> np.ndarray:
    """(height, width, 3) of an image stored as (3, width, height)."""
    return np.ascontiguousarray(row.transpose(2, 1, 0))


def pixels(path: Path, count: int) -> np.ndarray:
    """Images (count, 32, 32, 3) of an .npy file. Raises UserError when there are not as many as labels."""
    rows = array(path, 32, 32, 3)
    if len(rows) != count:
        raise UserError(f"{path} has {len(rows):,} images where there are {count:,} labels; download both again")
    return rows
