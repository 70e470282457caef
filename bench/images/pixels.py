"""From stored images to pixels at the backbone's size: decoded in threads, resized, batched, and cached on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.images.pixel_cache import Pages, pages, writing
from bench.spec import Images, Subset

THREADS = min(8, os.cpu_count() or 1)


def resize(pixels: np.ndarray, size: int) -> Tensor:
    """Resizes (height, width, 3) to uint8 (3, size, size): bilinear, not antialiased, without keeping the aspect.

    Source: google-research/task_adaptation, VTAB's reference preprocessing. Here the result is rounded to 8 bits.
    """
    image = torch.tensor(pixels).permute(2, 0, 1)  # a copy: decoders hand out read-only arrays
    if image.shape[1:] == (size, size):
        return image.contiguous()
    resized = functional.interpolate(image[None].float(), (size, size), mode="bilinear", align_corners=False)[0]
    return resized.round_().clamp_(0, 255).to(torch.uint8).contiguous()


def batches(images: Images, size: int, batch: int) -> Iterator[Tensor]:
    """All images in order, uint8 (at most `batch`, 3, size, size): from the disk cache, or decoded and cached."""
    found = pages(images, size)
    if found is not None:
        yield from ahead(mapped(found, images, size, batch))
        return
    with writing(images, size) as keep:
        for pixels in decoded(images, size, batch):
            keep(pixels.numpy())
            yield pixels


def mapped(found: Pages, images: Images, size: int, batch: int) -> Iterator[Tensor]:
    """Batches from a file of the cache. Images that are damaged in it are decoded anew, and the file is removed."""
    for start in range(0, len(images), batch):
        rows, bad = found.rows(start, min(start + batch, len(images)))
        for place in bad:
            rows[place - start] = resize(images.decode(place), size).numpy()
        if bad:
            found.path.unlink(missing_ok=True)
        yield torch.from_numpy(rows)


def ahead(made: Iterator[Tensor]) -> Iterator[Tensor]:
    """The same batches; each is read while the one before it is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, made, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield batch


def decoded(images: Images, size: int, batch: int) -> Iterator[Tensor]:
    """Batches decoded from the images. The next ones are decoded while one is used."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: list[Iterator[Tensor]] = []
        for start in range(0, len(images), batch):
            indices = range(start, min(start + batch, len(images)))
            waiting.append(pool.map(lambda index: resize(images.decode(index), size), indices))
            if len(waiting) > 2:
                yield torch.stack(list(waiting.pop(0)))
        for pixels in waiting:
            yield torch.stack(list(pixels))


class PixelCache:
    """Images with their pixels at one size in memory: all methods of a task train on the same ones."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self._held: Tensor | None = None
        self._placed: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def decode(self, index: int) -> np.ndarray:
        """Pixels of one image at its stored size, uint8 (height, width, 3)."""
        return self.images.decode(index)

    def pixels(self, size: int) -> Tensor:
        """All images, uint8 (n, 3, size, size), decoded at the first call for a size."""
        if self._held is None or self._held.shape[-1] != size:
            self._held = every(self.images, size)
        return self._held

    def placed(self, size: int, device: torch.device) -> Tensor:
        """All images on a device, uint8 (n, 3, size, size), moved there at the first call."""
        here = self.pixels(size)
        if self._placed is None or self._placed.device != device or self._placed.shape != here.shape:
            self._placed = here.to(device)
        return self._placed


def placed(images: Images, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels uint8 (n, 3, size, size) on a device, and which rows of them these m images are: int64 (m,), on the CPU.

    A subset shares the pixels of the images that it is taken from.
    """
    if isinstance(images, Subset):
        found, rows = placed(images.images, size, device)
        return found, rows[torch.tensor(list(images.indices), dtype=torch.int64)]
    found = images.placed(size, device) if isinstance(images, PixelCache) else every(images, size).to(device)
    return found, torch.arange(len(found))


def pixels(images: Images, size: int) -> Tensor:
    """Every image of a training split, uint8 (n, 3, size, size), in memory."""
    if isinstance(images, Subset):
        return pixels(images.images, size)[list(images.indices)]
    return images.pixels(size) if isinstance(images, PixelCache) else every(images, size)


def every(images: Images, size: int) -> Tensor:
    """All images in one tensor, uint8 (n, 3, size, size)."""
    return torch.cat(list(batches(images, size, 256)))
