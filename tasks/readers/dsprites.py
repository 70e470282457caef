"""dSprites: 737,280 black and white images in one compressed .npz file. The tenth in use is kept as bits."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np

from bench.spec import UserError
from tasks.readers.digest import file_digest
from tasks.readers.labels import dsprites_location, dsprites_orientation
from tasks.readers.locate import locate
from tasks.readers.pixels import Arrays, grey
from tasks.readers.raw import STORED, Pool, Raw

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
ORIENTATION, X_POSITION = 3, 4  # columns of the latent classes
SIDE = 64
CHUNK = 4096  # images unpacked at once: 16 MiB


@dataclass(frozen=True)
class Sprites:
    """All images of the file: 3 GB once unpacked."""

    path: Path

    def take(self, chosen: Sequence[int]) -> Arrays:
        """Some of the images, by position, at eight pixels per byte, in one pass over the file."""
        wanted = np.asarray(chosen, np.int64)
        bits = np.empty((len(wanted), SIDE * SIDE // 8), np.uint8)
        order = np.argsort(wanted, kind="stable")
        with member(self.path, "imgs") as (file, shape):
            for start in range(0, shape[0], CHUNK):
                count = min(CHUNK, shape[0] - start)
                images = np.frombuffer(file.read(count * SIDE * SIDE), np.uint8).reshape(count, SIDE * SIDE)
                first, last = np.searchsorted(wanted, (start, start + count), sorter=order)
                here = order[first:last]
                bits[here] = np.packbits(images[wanted[here] - start], axis=1)
        return Arrays(bits, picture)


def picture(bits: np.ndarray) -> np.ndarray:
    """Packed bits (512,) as black and white pixels (64, 64, 3)."""
    return grey(np.unpackbits(bits).reshape(SIDE, SIDE) * np.uint8(255))


def location(data: Path) -> Raw | None:
    """dSprites with sixteen columns as labels."""
    return dsprites(data, lambda latents: dsprites_location(latents[:, X_POSITION]))


def orientation(data: Path) -> Raw | None:
    """dSprites with sixteen rotations as labels."""
    return dsprites(data, lambda latents: dsprites_orientation(latents[:, ORIENTATION]))


def dsprites(data: Path, labels: Callable[[np.ndarray], np.ndarray]) -> Raw | None:
    """Arrays `imgs` (n, 64, 64) of zeros and ones and `latents_classes` (n, 6). Raises UserError for a damaged file."""
    path = locate(data, [FILE])
    if path is None:
        return None
    with member(path, "imgs"), member(path, "latents_classes"):  # raises if the file is not whole
        pass

    def pool(split: str) -> Pool:
        with member(path, "latents_classes") as (file, shape):
            latents = np.frombuffer(file.read(), np.int64).reshape(shape)
        return Pool(range(len(latents)), labels(latents), Sprites(path))

    return Raw(path, STORED, pool, file_digest(path))


@contextmanager
def member(path: Path, name: str) -> Iterator[tuple[IO[bytes], tuple[int, ...]]]:
    """An array of an .npz file as a stream of its values, and its shape. numpy would unpack all of it at once.

    Raises UserError if the file is damaged.
    """
    try:
        with ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            yield file, read(file)[0]
    except (BadZipFile, OSError, EOFError, KeyError, ValueError, zlib.error) as error:
        raise UserError(f"{path} is not whole ({error}); download it again") from error
