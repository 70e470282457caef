"""Raw copies that are matrices of pixels in files of their own kind: SVHN and small NORB."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.digest import digest, file_digest
from tasks.readers.locate import locate
from tasks.readers.matlab import matlab
from tasks.readers.pixels import Arrays, grey
from tasks.readers.raw import STORED, Pool, Raw

NORB = {"train": "smallnorb-5x46789x9x18x6x2x96x96-training", "test": "smallnorb-5x01235x9x18x6x2x96x96-testing"}
NORB_TYPES = {0x1E3D4C55: "u1", 0x1E3D4C54: "<i4"}  # by the magic number of a binary matrix
NORB_ELEVATION, NORB_AZIMUTH = 1, 2  # columns of the info matrix


def svhn(data: Path) -> Raw | None:
    """`train_32x32.mat` and `test_32x32.mat`: X (32, 32, 3, n) and y (n, 1), in which 10 stands for the digit 0."""
    train, test = (locate(data, [f"{split}_32x32.mat"]) for split in ("train", "test"))
    if train is None or test is None:
        return None

    def pool(split: str) -> Pool:
        path = train if split == "train" else test
        pixels, labels = np.moveaxis(matlab(path, "X"), -1, 0), matlab(path, "y").ravel().astype(np.int64)
        return Pool(range(len(labels)), labels % 10, Arrays(pixels))

    return Raw(train.parent, STORED, pool, digest(map(file_digest, (train, test))))


def smallnorb_azimuth(data: Path) -> Raw | None:
    """Small NORB with eighteen azimuths as labels, stored as 0, 2, … 34."""
    return smallnorb(data, lambda info: info[:, NORB_AZIMUTH] // 2)


def smallnorb_elevation(data: Path) -> Raw | None:
    """Small NORB with nine elevations of the camera as labels."""
    return smallnorb(data, lambda info: info[:, NORB_ELEVATION])


def smallnorb(data: Path, labels: Callable[[np.ndarray], np.ndarray]) -> Raw | None:
    """Binary matrices of pixels (n, 2 cameras, 96, 96) and of facts (n, 4). The left camera's image is used."""
    paths = {(split, kind): norb_path(data, split, kind) for split in NORB for kind in ("dat", "info")}
    found = {key: path for key, path in paths.items() if path is not None}
    if len(found) < len(paths):
        return None

    def pool(split: str) -> Pool:
        pixels, info = binary_matrix(found[split, "dat"]), binary_matrix(found[split, "info"])
        return Pool(range(len(info)), labels(info), Arrays(pixels[:, 0], grey))

    return Raw(found["train", "dat"].parent, STORED, pool, digest(map(file_digest, found.values())))


def norb_path(data: Path, split: str, kind: str) -> Path | None:
    """Where one matrix lies, packed or unpacked."""
    return locate(data, [f"{NORB[split]}-{kind}.mat", f"{NORB[split]}-{kind}.mat.gz"])


def binary_matrix(path: Path) -> np.ndarray:
    """A matrix in NORB's format: magic number, dimensions, at least three sizes, values, all little-endian.

    Source: https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/. Raises UserError if it is damaged or cut off.
    """
    try:
        blob = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        magic, dimensions = struct.unpack_from("<2i", blob)
        shape: Sequence[int] = struct.unpack_from(f"<{dimensions}i", blob, 8)
        return np.frombuffer(blob, NORB_TYPES[magic], offset=8 + 4 * max(3, dimensions)).reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a whole matrix of small NORB; download it again") from error
