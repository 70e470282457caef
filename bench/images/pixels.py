"""From stored images to the pixels that are kept: decoded in threads, batched, in memory and cached on disk.

Images that all have one stored size smaller than the network's input are kept at it, and resized on the device
(`bench.images.resize.to_size`, which the backbone's `inputs` calls). All others are kept at the network's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np
import torch
from torch import Tensor

from bench.images.pixel_cache import Pages, pages, smaller
from bench.images.pixel_writer import writing
from bench.images.resize import channels_first, resize, to_size
from bench.images.threads import ahead, readers
from bench.spec import Images, Subset

BATCHES = 3  # that are decoded at a time
PLACED = 1 << 30  # bytes that training images may take on a device, so that no step need resize them again


def batches(images: Images, size: int, batch: int) -> Iterator[Tensor]:
    """All images in order, uint8 (at most `batch`, 3, height, width): from the disk cache, or decoded and cached.

    Height and width are those of a stored size below `size`, or `size`. Batches of one set may differ in that.
    """
    found = pages(images, size)
    if found is not None:
        yield from ahead(mapped(found, images, batch))
        return
    with writing(images, size) as keep:
        for pixels in decoded(images, size, batch):
            keep(pixels)
            yield pixels


def mapped(found: Pages, images: Images, batch: int) -> Iterator[Tensor]:
    """Batches from a file of the cache. Images that are damaged in it are decoded anew, and the file is removed."""
    for start in range(0, len(images), batch):
        rows, bad = found.rows(start, min(start + batch, len(images)))
        for place in bad:
            pixels = images.decode(place)
            stored = pixels.shape[:2] == rows.shape[2:]
            rows[place - start] = channels_first(pixels) if stored else resize(pixels, rows.shape[3])
        if bad:
            found.path.unlink(missing_ok=True)
        yield torch.from_numpy(rows)


def decoded(images: Images, size: int, batch: int) -> Iterator[Tensor]:
    """Batches decoded from the images, as `batches`. The next ones are decoded while one is used."""
    pool, decode = readers(), _Decode(images, size)
    waiting: list[list[Future[Tensor]]] = []
    try:
        for start in range(0, len(images), batch):
            waiting.append([pool.submit(decode, index) for index in range(start, min(start + batch, len(images)))])
            if len(waiting) == BATCHES:
                yield _stacked(waiting.pop(0), size)
        while waiting:
            yield _stacked(waiting.pop(0), size)
    finally:
        for future in (future for futures in waiting for future in futures):
            future.cancel()


class _Decode:
    """Decodes an image to uint8 (3, height, width): at the stored size as long as all had the same, smaller than the
    network's input, and else at the network's size.
    """

    def __init__(self, images: Images, size: int) -> None:
        self.images, self.size = images, size
        self.shape: tuple[int, int] | None = None  # that images are handed on at; None before the first

    def __call__(self, index: int) -> Tensor:
        pixels = self.images.decode(index)
        shape, sized = (pixels.shape[0], pixels.shape[1]), (self.size, self.size)
        if self.shape is None:
            self.shape = shape if smaller(shape, self.size) else sized
        elif self.shape != shape:
            self.shape = sized
        return channels_first(pixels).contiguous() if shape == self.shape else resize(pixels, self.size)


def _stacked(waiting: list[Future[Tensor]], size: int) -> Tensor:
    """One batch of images once they are decoded, at the network's size where their sizes differ."""
    return _joined([future.result()[None] for future in waiting], size)


def _joined(parts: list[Tensor], size: int) -> Tensor:
    """uint8 (n, 3, height, width) of several such tensors, at the network's size where their sizes differ."""
    alike = len({part.shape[2:] for part in parts}) == 1
    return torch.cat(parts if alike else [to_size(part, size) for part in parts])


class PixelCache:
    """Images with their pixels at one size in memory: all methods of a task train on the same ones."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self._held: tuple[int, Tensor] | None = None  # the network's size that they are kept for, and the pixels
        self._placed: tuple[int, Tensor] | None = None  # the same on a device

    def __len__(self) -> int:
        return len(self.images)

    def decode(self, index: int) -> np.ndarray:
        """Pixels of one image at its stored size, uint8 (height, width, 3)."""
        return self.images.decode(index)

    def pixels(self, size: int) -> Tensor:
        """All images for a network's size, as `pixels` has them, decoded at the first call for it."""
        if self._held is None or self._held[0] != size:
            self._held = size, every(self.images, size)
        return self._held[1]

    def placed(self, size: int, device: torch.device) -> Tensor:
        """All images on a device, as `placed` has them, moved there at the first call."""
        if self._placed is None or self._placed[0] != size or self._placed[1].device != device:
            self._placed = size, _on_device(self.pixels(size), size, device)
        return self._placed[1]


def placed(images: Images, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels uint8 (n, 3, height, width) on a device, and which rows of them these m images are: int64 (m,), on the
    CPU. They are at the network's size already unless that takes more than `PLACED` bytes.

    A subset shares the pixels of the images that it is taken from.
    """
    if isinstance(images, Subset):
        found, rows = placed(images.images, size, device)
        return found, rows[torch.tensor(list(images.indices), dtype=torch.int64)]
    if isinstance(images, PixelCache):
        found = images.placed(size, device)
    else:
        found = _on_device(every(images, size), size, device)
    return found, torch.arange(len(found))


def _on_device(pixels: Tensor, size: int, device: torch.device) -> Tensor:
    here = pixels.to(device)
    return to_size(here, size) if len(here) * 3 * size * size <= PLACED else here


def pixels(images: Images, size: int) -> Tensor:
    """Every image of a training split, uint8 (n, 3, height, width), in memory.

    Height and width are those of the one stored size that all have, where it is below `size`; else both are `size`.
    `bench.images.resize.to_size` makes either the network's input.
    """
    if isinstance(images, Subset):
        return pixels(images.images, size)[list(images.indices)]
    return images.pixels(size) if isinstance(images, PixelCache) else every(images, size)


def every(images: Images, size: int) -> Tensor:
    """All images in one tensor, as `pixels` has them."""
    return _joined(list(batches(images, size, 256)), size)
