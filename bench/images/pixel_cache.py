"""The disk cache of pixels: images at the backbone's size, decoded once and mapped into memory by later runs.

A file is in the safetensors format: `images` uint8 (n, 3, size, size), and `crc32` (n,), which shows a damaged image
when it is read. The folder is $HEAD2HEAD_CACHE (`off`: none), else $XDG_CACHE_HOME/head2head, else
~/.cache/head2head. All files together take at most $HEAD2HEAD_CACHE_GB gigabytes, 20 by default.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.images.disk_cache import PARTIAL, SUFFIX, fits, home, tell
from bench.spec import Data, Found, Images, Split

RULE = "bilinear, not antialiased, rounded"  # what `bench.images.pixels.resize` does; another rule is another file
MAKERS = ("pillow", "torch")  # what decodes and what resizes: other versions may give other pixels


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
    """The cache file of some images at one size, and where things are in it."""

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


def layout(images: Images, size: int) -> Layout | None:
    """The cache file of these images at this size; None for images that are not cached."""
    folder = home()
    if folder is None or not isinstance(images, CachedImages):
        return None
    key = f"{images.identity} {len(images)} {size} {RULE} {[version(name) for name in MAKERS]}"
    shape = (len(images), 3, size, size)
    end = int(np.prod(shape))
    tensors = {
        "__metadata__": {"images": key},
        "images": {"dtype": "U8", "shape": shape, "data_offsets": [0, end]},
        "crc32": {"dtype": "U32", "shape": shape[:1], "data_offsets": [end, end + 4 * shape[0]]},
    }
    text = json.dumps(tensors).encode()
    text += b" " * (-len(text) % 8)
    name = blake2b(key.encode(), digest_size=16).hexdigest()
    return Layout(folder / f"{name}{SUFFIX}", shape, len(text).to_bytes(8, "little") + text)


class Pages:
    """A cache file, mapped into memory."""

    def __init__(self, where: Layout) -> None:
        self.path = where.path
        first = len(where.header)
        self.images = np.memmap(where.path, np.uint8, "r", first, where.shape)
        self.crc32 = np.fromfile(where.path, "<u4", offset=first + where.pixels)

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, list[int]]:
        """A copy of some images, uint8 (stop - start, 3, size, size), and the places of those that are damaged."""
        rows = np.array(self.images[start:stop])
        bad = [start + at for at, row in enumerate(rows) if zlib.crc32(row) != self.crc32[start + at]]
        return rows, bad


def pages(images: Images, size: int) -> Pages | None:
    """The cached pixels of some images; None when there are none. A file that is not whole is removed."""
    where = layout(images, size)
    if where is None:
        return None
    try:
        with where.path.open("rb") as file:
            header, total = file.read(len(where.header)), os.fstat(file.fileno()).st_size
        if (header, total) == (where.header, where.total) and where.shape[0]:
            os.utime(where.path)  # so that what is used is not forgotten
            return Pages(where)
        where.path.unlink()
    except OSError:  # absent, or not ours: the images are decoded
        pass
    return None


@contextmanager
def writing(images: Images, size: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Takes batches uint8 (batch, 3, size, size) in order. Caches them if all came and they fit; else says why."""
    where = layout(images, size)
    if where is None or not fits(where.path, where.total, "prepared images"):
        yield lambda batch: None
        return
    writer = Writer(where)
    try:
        yield writer.add
        writer.finish()
    finally:
        writer.discard()


class Writer:
    """Writes a file under another name until it is whole. An error is said once, and costs nothing but the file."""

    def __init__(self, where: Layout) -> None:
        self.where = where
        self.partial = where.path.with_suffix(f".{os.getpid()}{PARTIAL}")
        self.crc32: list[int] = []
        self.broken = False
        with self._telling():
            self.partial.write_bytes(where.header)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.broken = True
            tell(f"prepared images are not kept in {self.where.path.parent} ({error.strerror})")

    def add(self, batch: np.ndarray) -> None:
        """Appends some images, contiguous in memory."""
        if self.broken:
            return
        self.crc32 += [zlib.crc32(row) for row in batch]
        with self._telling(), self.partial.open("ab") as file:
            batch.tofile(file)

    def finish(self) -> None:
        """Gives the file its name, if all images came."""
        if self.broken or len(self.crc32) != self.where.shape[0]:
            return
        with self._telling():
            with self.partial.open("ab") as file:
                file.write(np.array(self.crc32, "<u4").tobytes())
            self.partial.replace(self.where.path)

    def discard(self) -> None:
        """Removes what was not finished."""
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)
