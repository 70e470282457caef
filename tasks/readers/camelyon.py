"""PatchCamelyon: six HDF5 files, the images and labels of three splits, read row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.spec import UserError
from tasks.readers.digest import digest, file_digest
from tasks.readers.locate import locate
from tasks.readers.raw import STORED, Pool, Raw

PARTS = {"train": "train", "validation": "valid", "test": "test"}
FILE = "camelyonpatch_level_2_split_{}_{}.h5"


@dataclass(frozen=True)
class Rows:
    """Some rows of an HDF5 data set (n, 96, 96, 3). h5py lets one thread read at a time."""

    table: Any  # h5py.Dataset, which keeps its file open
    chosen: Sequence[int]

    def __len__(self) -> int:
        return len(self.chosen)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (96, 96, 3)."""
        return np.asarray(self.table[self.chosen[index]])

    def take(self, chosen: Sequence[int]) -> Rows:
        """Some of the images, by position."""
        return Rows(self.table, [self.chosen[at] for at in chosen])


def patch_camelyon(data: Path) -> Raw | None:
    """`x` (n, 96, 96, 3) and `y` (n, 1, 1, 1) of each split. The keys are `train_0`, `valid_0` and so on.

    Raises UserError if a file is cut off, or h5py is not installed.
    """
    paths = {(split, kind): locate(data, [FILE.format(part, kind)]) for split, part in PARTS.items() for kind in "xy"}
    found = {key: path for key, path in paths.items() if path is not None}
    if len(found) < len(paths):
        return None
    for (_, kind), path in found.items():
        table(path, kind)

    def pool(split: str) -> Pool:
        labels = np.asarray(table(found[split, "y"], "y")).ravel()
        images = table(found[split, "x"], "x")
        return Pool([f"{PARTS[split]}_{row}" for row in range(len(labels))], labels, Rows(images, range(len(labels))))

    return Raw(found["train", "x"].parent, STORED, pool, digest(map(file_digest, found.values())))


def table(path: Path, name: str) -> Any:
    """A data set of an HDF5 file. Raises UserError if the file is damaged or h5py is not installed."""
    try:
        import h5py  # here, because it is the optional extra `hdf5`
    except ImportError as error:
        raise UserError(f"{path} can only be read with h5py ({error}); run `pip install h5py`") from error
    try:
        return h5py.File(path, "r")[name]
    except (OSError, KeyError) as error:
        raise UserError(f"{path} is not a whole HDF5 file; download and unpack it again") from error
