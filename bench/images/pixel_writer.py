"""Writing the disk cache of pixels: while images are decoded for their first use, their pixels are kept."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.images.disk_cache import PARTIAL, fits, tell
from bench.images.pixel_cache import CachedImages, Layout, key, layout, place
from bench.images.resize import to_size
from bench.spec import Images

WHAT = "prepared images"
AT_ONCE = 64  # images that are written anew at once


@contextmanager
def writing(images: Images, size: int) -> Iterator[Callable[[Tensor], None]]:
    """Takes batches uint8 (batch, 3, height, width) in order. Caches them if all came and they fit; else says why."""
    path = place(key(images, size)) if isinstance(images, CachedImages) else None
    if path is None or not isinstance(images, CachedImages):
        yield lambda batch: None
        return
    writer = Writer(images, size)
    try:
        yield writer.add
        writer.finish()
    finally:
        writer.discard()


class Writer:
    """Writes a file under another name until it is whole. An error is said once, and costs nothing but the file.

    The file begins at the height and width of the first batch. Where a later one differs, all are brought to the
    network's size.
    """

    def __init__(self, images: CachedImages, size: int) -> None:
        self.images, self.size = images, size
        self.where: Layout | None = None
        self.crc32: list[int] = []
        self.broken = False

    def add(self, batch: Tensor) -> None:
        """Appends some images, uint8 (batch, 3, height, width)."""
        if self.broken:
            return
        shape = (batch.shape[2], batch.shape[3])
        if self.where is None:
            self._begin(shape)
        elif self.where.shape[2:] != shape:
            if self.where.shape[2:] != (self.size, self.size):
                self._enlarge(self.where)
            batch = to_size(batch, self.size)
        self._append(batch)

    def finish(self) -> None:
        """Gives the file its name, if all images came."""
        if self.where is None or self.broken or len(self.crc32) != self.where.shape[0]:
            return
        with self._telling():
            with self._partial(self.where).open("ab") as file:
                file.write(np.array(self.crc32, "<u4").tobytes())
            self._partial(self.where).replace(self.where.path)

    def discard(self) -> None:
        """Removes what was not finished."""
        if self.where is not None:
            with suppress(OSError):
                self._partial(self.where).unlink(missing_ok=True)

    def _begin(self, shape: tuple[int, int]) -> None:
        """Starts the file for images of a height and width, if it fits."""
        name = key(self.images, self.size if shape == (self.size, self.size) else None)
        path = place(name)
        assert path is not None  # `writing` looked
        self.where, self.crc32 = layout(path, name, len(self.images), shape), []
        self.broken = self.broken or not fits(path, self.where.total, WHAT)
        if not self.broken:
            with self._telling():
                self._partial(self.where).write_bytes(self.where.header)

    def _append(self, batch: Tensor) -> None:
        if self.where is None or self.broken:
            return
        rows = batch.numpy()
        self.crc32 += [zlib.crc32(row) for row in rows]
        with self._telling(), self._partial(self.where).open("ab") as file:
            rows.tofile(file)

    def _enlarge(self, small: Layout) -> None:
        """Writes what there is anew, at the network's size."""
        count = len(self.crc32)
        self._begin((self.size, self.size))
        if count and not self.broken:
            rows = np.memmap(self._partial(small), np.uint8, "r", len(small.header), (count, *small.shape[1:]))
            for start in range(0, count, AT_ONCE):
                self._append(to_size(torch.from_numpy(np.array(rows[start : start + AT_ONCE])), self.size))
        with suppress(OSError):
            self._partial(small).unlink(missing_ok=True)

    @staticmethod
    def _partial(where: Layout) -> Path:
        return where.path.with_suffix(f".{os.getpid()}{PARTIAL}")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.broken = True
            folder = self.where.path.parent if self.where else ""
            tell(f"{WHAT} are not kept in {folder} ({error.strerror})")
