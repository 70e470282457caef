"""CIFAR-100 and CIFAR-10 out of their authors' binary files, or out of the Python files with the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.archives import identity, root
from tasks.readers.files import Files, FolderFiles
from tasks.readers.locate import locate
from tasks.readers.pickles import Pixels, plain_pickle
from tasks.readers.pixels import Arrays
from tasks.readers.raw import STORED, Pool, Raw
from tasks.readers.tars import TarFiles

PIXELS = 3 * 32 * 32  # bytes of an image: three planes
Rows = tuple[np.ndarray, np.ndarray]  # pixels (n, 3072) and labels (n,)


@dataclass(frozen=True)
class Version:
    """One of the two kinds of files in which a data set is published."""

    folder: str
    archive: str
    files: Mapping[str, Sequence[str]]  # by split, in the order of their rows
    rows: Callable[[bytes, str], Rows]  # from a file's contents and how messages name it


def binary(blob: bytes, where: str, labels: int) -> Rows:
    """The rows of a binary file: `labels` bytes, of which the last is the label, and three planes of pixels.

    Raises UserError if a row is cut off.
    """
    if len(blob) % (labels + PIXELS):
        raise UserError(f"{where} is cut off; download it again")
    rows = np.frombuffer(blob, np.uint8).reshape(-1, labels + PIXELS)
    return rows[:, labels:], rows[:, labels - 1]


def pickled(blob: bytes, where: str, key: str, better: str) -> Rows:
    """The rows of a pickled file, whose labels are under `key`. Raises UserError if it holds something else."""
    table = plain_pickle(blob, where, better)
    pixels, labels = (table.get(name.encode(), table.get(name)) for name in ("data", key))
    if not isinstance(pixels, Pixels) or labels is None:
        raise UserError(f"{where} has no images with {key}; get {better} in its place")
    return pixels.array().reshape(-1, PIXELS), np.asarray(labels)


CIFAR100 = (
    Version(
        "cifar-100-binary", "cifar-100-binary", {"train": ["train.bin"], "test": ["test.bin"]},
        partial(binary, labels=2),  # the coarse label comes first
    ),
    Version(
        "cifar-100-python", "cifar-100-python", {"train": ["train"], "test": ["test"]},
        partial(pickled, key="fine_labels", better="cifar-100-binary.tar.gz"),
    ),
)  # fmt: skip
BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
CIFAR10 = (
    Version(
        "cifar-10-batches-bin", "cifar-10-binary",
        {split: [f"{name}.bin" for name in names] for split, names in BATCHES.items()}, partial(binary, labels=1),
    ),
    Version(
        "cifar-10-batches-py", "cifar-10-python", BATCHES,
        partial(pickled, key="labels", better="cifar-10-binary.tar.gz"),
    ),
)  # fmt: skip


def cifar100(data: Path) -> Raw | None:
    """CIFAR-100 with its fine labels, out of the binary or else the Python version."""
    return first(data, CIFAR100)


def cifar10(data: Path) -> Raw | None:
    """CIFAR-10, out of the binary or else the Python version."""
    return first(data, CIFAR10)


def first(data: Path, versions: Sequence[Version]) -> Raw | None:
    """The first version that is there, as a folder or a tar. Keys are row numbers."""
    for version in versions:
        known = version.files["test"][0]
        place = locate(data, [f"{version.folder}/{known}", f"{version.archive}.tar.gz", f"{version.archive}.tar"])
        if place is not None:
            files: Files = FolderFiles(place.parent) if place.name == known else TarFiles(place)
            return Raw(files.path, STORED, partial(pool, version, files), identity(files))
    return None


def pool(version: Version, files: Files, split: str) -> Pool:
    """The images of a split. Raises UserError if a file is missing, damaged or cut off."""
    top = root(files, version.files[split][0])
    names = [top + name for name in version.files[split]]
    files.hold(names)  # a tar is then read once
    rows, labels = zip(*(version.rows(files.read(name), files.where(name)) for name in names), strict=True)
    return Pool(range(sum(map(len, labels))), np.concatenate(labels), Arrays(np.concatenate(rows), planes))


def planes(row: np.ndarray) -> np.ndarray:
    """Three colour planes of 32 by 32 pixels (3072,) as (32, 32, 3)."""
    return np.ascontiguousarray(row.reshape(3, 32, 32).transpose(1, 2, 0))
