"""The disk cache of pixels: images that were decoded once and are mapped into memory by later runs.

A file is in the safetensors format: `images` uint8 (n, 3, height, width), and `crc32` (n,), which shows a damaged image
when it is read. Images that share one stored size have a file at it, for all networks with a larger input. All others
have a file for each network's size. Where the files lie and what they may take is `bench.images.disk_cache`'s.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.images.disk_cache import SUFFIX, home
from bench.spec import Data, Found, Images, Split

RULE = "bilinear, not antialiased, rounded"  # what `bench.images.resize` does; another rule is another file
MAKERS = DECODER, RESIZER = "pillow", "torch"  # what decodes and what resizes: other versions may give other pixels
HEADER = 4096  # bytes, more than any header takes


@dataclass(frozen=True)
class CachedImages:
    """Images whose pixels are cached on disk once they were prepared; `identity` tells them from all others."""

    images: Images
    identity: str

    def __len__(self) -> int:
        return len(self.images)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3) at the stored size, from the images themselves."""
        return self.images.decode(index)


def cached(found: Found) -> Found:
    """The same copy with its prepared images cached on disk. Images that are drawn in memory are not cached."""
    return replace(found, load=lambda: opened(found)) if found.place is not None else found


def opened(found: Found) -> Data:
    """A copy's images and labels, with the images wrapped as CachedImages."""
    data = found.load()
    if home() is None:
        return data

    def wrapped(split: Split, name: str) -> Split:
        return replace(split, images=CachedImages(split.images, f"{found.fingerprint} {name}"))

    return Data(wrapped(data.train, "train"), {name: wrapped(split, name) for name, split in data.tests.items()})


@dataclass(frozen=True)
class Layout:
    """A cache file of some images, all of one height and width, and where things are in it."""

    path: Path
    shape: tuple[int, int, int, int]
    header: bytes

    @property
    def pixels(self) -> int:
        """Bytes of all images."""
        return int(np.prod(self.shape))

    @property
    def total(self) -> int:
        """Bytes of the file."""
        return len(self.header) + self.pixels + 4 * self.shape[0]


def key(images: CachedImages, size: int | None) -> str:
    """Names what decides the pixels of a cache file: at the stored size (None), or resized to a network's size."""
    made = f"stored size, {version(DECODER)}"
    if size is not None:
        made = f"{size} {RULE} {version(DECODER)} {version(RESIZER)}"
    return f"{images.identity} {len(images)} {made}"


def place(name: str) -> Path | None:
    """The file for a key; None when the cache is switched off."""
    folder = home()
    return folder and folder / f"{blake2b(name.encode(), digest_size=16).hexdigest()}{SUFFIX}"


def layout(path: Path, name: str, count: int, shape: tuple[int, int]) -> Layout:
    """The file for `count` images of a height and width. Its `name` is its key."""
    whole = (count, 3, *shape)
    end = int(np.prod(whole))
    tensors = {
        "__metadata__": {"images": name},
        "images": {"dtype": "U8", "shape": whole, "data_offsets": [0, end]},
        "crc32": {"dtype": "U32", "shape": [count], "data_offsets": [end, end + 4 * count]},
    }
    text = json.dumps(tensors).encode()
    text += b" " * (-len(text) % 8)
    return Layout(path, whole, len(text).to_bytes(8, "little") + text)


def smaller(shape: tuple[int, int], size: int) -> bool:
    """Whether images of a height and width take less room than at a network's size."""
    return shape[0] * shape[1] < size * size


class Pages:
    """A cache file, mapped into memory."""

    def __init__(self, where: Layout) -> None:
        self.path = where.path
        first = len(where.header)
        self.images = np.memmap(where.path, np.uint8, "r", first, where.shape)
        self.crc32 = np.fromfile(where.path, "<u4", offset=first + where.pixels)

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, list[int]]:
        """A copy of some images, uint8 (stop - start, 3, height, width), and the places of those that are damaged."""
        rows = np.array(self.images[start:stop])
        bad = [start + at for at, row in enumerate(rows) if zlib.crc32(row) != self.crc32[start + at]]
        return rows, bad


def pages(images: Images, size: int) -> Pages | None:
    """The cached pixels of some images for a network's size; None when there are none.

    Those at the stored size serve every network whose input is larger. A file that is not whole is removed.
    """
    if not isinstance(images, CachedImages) or not len(images):
        return None
    for name in (key(images, None), key(images, size)):
        where = _held(name, len(images))
        if where is not None and (smaller(where.shape[2:], size) or where.shape[2:] == (size, size)):
            with suppress(OSError):
                os.utime(where.path)  # so that what is used is not forgotten
                return Pages(where)
    return None


def _held(name: str, count: int) -> Layout | None:
    """The whole file for a key; None when there is none. One that is not whole is removed."""
    path = place(name)
    if path is None or not path.is_file():
        return None
    with suppress(OSError):
        with path.open("rb") as file:
            start, total = file.read(HEADER), os.fstat(file.fileno()).st_size
        with suppress(ValueError, KeyError, TypeError):
            _, _, height, width = json.loads(start[8 : 8 + int.from_bytes(start[:8], "little")])["images"]["shape"]
            where = layout(path, name, count, (height, width))
            if (start[: len(where.header)], total) == (where.header, where.total):
                return where
        path.unlink()
    return None
