"""Raw copies that are arrays of pixels in files of their own kind: CIFAR-100, SVHN and small NORB."""

from __future__ import annotations

import gzip
import pickle
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bench.spec import UserError
from tasks.readers.digest import digest, file_digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.lists import identity, matlab, root
from tasks.readers.locate import locate
from tasks.readers.pixels import Arrays, grey
from tasks.readers.raw import Pool, Raw
from tasks.readers.tars import TarFiles

STORED = "authors' files, pixels as stored"
CIFAR_ROW = 2 + 3 * 32 * 32  # coarse label, fine label, three planes
NORB = {"train": "smallnorb-5x46789x9x18x6x2x96x96-training", "test": "smallnorb-5x01235x9x18x6x2x96x96-testing"}
NORB_TYPES = {0x1E3D4C55: "u1", 0x1E3D4C54: "<i4"}  # by the magic number of a binary matrix
NORB_ELEVATION, NORB_AZIMUTH = 1, 2  # columns of the info matrix


def cifar100(data: Path) -> Raw | None:
    """The binary version, rows of coarse label, fine label and pixels, or else the Python version of the same rows."""
    for kind, name in (("binary", "train.bin"), ("python", "train")):
        place = locate(data, [f"cifar-100-{kind}/{name}", f"cifar-100-{kind}.tar.gz", f"cifar-100-{kind}.tar"])
        if place is not None:
            files: Files = FolderFiles(place.parent) if place.name == name else TarFiles(place)
            read = partial(cifar_binary if kind == "binary" else cifar_python, files)
            return Raw(files.path, STORED, read, identity(files))
    return None


def cifar_binary(files: Files, split: str) -> Pool:
    """Rows of `train.bin` or `test.bin`. Raises UserError when a row is cut off."""
    name = root(files, f"{split}.bin") + f"{split}.bin"
    blob = files.read(name)
    if len(blob) % CIFAR_ROW:
        raise UserError(f"{files.where(name)} is cut off; download it again")
    rows = np.frombuffer(blob, np.uint8).reshape(-1, CIFAR_ROW)
    return Pool(range(len(rows)), rows[:, 1], Arrays(rows[:, 2:], planes))


def cifar_python(files: Files, split: str) -> Pool:
    """The pickled dictionary `train` or `test`, of which only arrays of bytes and plain values are accepted."""
    name = root(files, split) + split
    table = plain_pickle(files.read(name), files.where(name))
    pixels, labels = table.get(b"data", table.get("data")), table.get(b"fine_labels", table.get("fine_labels"))
    if not isinstance(pixels, Pixels) or labels is None:
        raise UserError(f"{files.where(name)} has no images with fine labels; get cifar-100-binary.tar.gz in its place")
    rows = pixels.array().reshape(-1, 3 * 32 * 32)
    return Pool(range(len(rows)), np.asarray(labels), Arrays(rows, planes))


def planes(row: np.ndarray) -> np.ndarray:
    """Three colour planes of 32 by 32 pixels as (32, 32, 3)."""
    return np.ascontiguousarray(row.reshape(3, 32, 32).transpose(1, 2, 0))


class Pixels:
    """Stands for a pickled numpy array, so that none of numpy's or anyone's code runs while unpickling."""

    state: tuple[Any, ...] = ()

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The bytes of the array, uint8 of its shape."""
        _, shape, _, _, blob = self.state
        return np.frombuffer(blob if isinstance(blob, bytes) else blob.encode("latin1"), np.uint8).reshape(shape)


class Restricted(pickle.Unpickler):
    """Unpickles numbers, texts, lists, dictionaries and stand-ins for numpy arrays; anything else is an error."""

    ALLOWED = ("_reconstruct", "ndarray", "dtype")

    def find_class(self, module: str, name: str) -> type[Pixels]:
        if module.partition(".")[0] == "numpy" and name in self.ALLOWED:
            return Pixels
        raise pickle.UnpicklingError(f"it wants to run {module}.{name}")


def plain_pickle(blob: bytes, where: str, better: str = "cifar-100-binary.tar.gz") -> dict[Any, Any]:
    """A pickled dictionary. Raises UserError, naming a `better` archive, when it is damaged or holds more than data."""
    try:
        table = Restricted(BytesIO(blob), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"{where} is not read ({error}); get {better} in its place") from error
    if not isinstance(table, dict):
        raise UserError(f"{where} is no table of images; get {better} in its place")
    return table


def svhn(data: Path) -> Raw | None:
    """`train_32x32.mat` and `test_32x32.mat`: X (32, 32, 3, n) and y (n, 1), in which 10 stands for the digit 0."""
    paths = {split: locate(data, [f"{split}_32x32.mat"]) for split in ("train", "test")}
    train, test = paths["train"], paths["test"]
    if train is None or test is None:
        return None

    def pool(split: str) -> Pool:
        path = train if split == "train" else test
        pixels, labels = np.moveaxis(matlab(path, "X"), -1, 0), matlab(path, "y").ravel().astype(np.int64)
        return Pool(range(len(labels)), labels % 10, Arrays(pixels))

    return Raw(train.parent, STORED, pool, digest(map(file_digest, (train, test))))


def smallnorb_azimuth(data: Path) -> Raw | None:
    """Eighteen azimuths, stored as 0, 2, … 34."""
    return smallnorb(data, lambda info: info[:, NORB_AZIMUTH] // 2)


def smallnorb_elevation(data: Path) -> Raw | None:
    """Nine elevations."""
    return smallnorb(data, lambda info: info[:, NORB_ELEVATION])


def smallnorb(data: Path, labels: Callable[[np.ndarray], np.ndarray]) -> Raw | None:
    """Binary matrices of pixels (n, 2 cameras, 96, 96) and of facts (n, 4); the left camera's image is used."""
    paths = {(split, kind): norb_path(data, split, kind) for split in NORB for kind in ("dat", "info")}
    found = [path for path in paths.values() if path is not None]
    if len(found) < len(paths):
        return None

    def pool(split: str) -> Pool:
        pixels, info = (binary_matrix(path) for key, path in paths.items() if key[0] == split and path is not None)
        return Pool(range(len(info)), labels(info), Arrays(pixels[:, 0], grey))

    return Raw(found[0].parent, STORED, pool, digest(map(file_digest, found)))


def norb_path(data: Path, split: str, kind: str) -> Path | None:
    """Where one matrix lies, packed or unpacked."""
    return locate(data, [f"{NORB[split]}-{kind}.mat", f"{NORB[split]}-{kind}.mat.gz"])


def binary_matrix(path: Path) -> np.ndarray:
    """A matrix in NORB's format: magic number, dimensions, at least three sizes, values; little-endian.

    Source: https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/. Raises UserError when it is damaged or cut off.
    """
    try:
        blob = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        magic, dimensions = struct.unpack_from("<2i", blob)
        shape: Sequence[int] = struct.unpack_from(f"<{dimensions}i", blob, 8)
        return np.frombuffer(blob, NORB_TYPES[magic], offset=8 + 4 * max(3, dimensions)).reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a whole matrix of small NORB; download it again") from error
