"""Running out of memory: what was held is released, and the work goes on in smaller batches."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)


class Halving:
    """Does work on batches of images. Where memory runs out it goes on in halves, for this batch and all after it."""

    def __init__(self) -> None:
        self.most: int | None = None  # images that fit; None while no batch was too large

    def __call__(self, batch: Tensor, work: Callable[[Tensor], T]) -> Iterator[T]:
        """The results of `work` on a batch, or on its parts in order. Raises OutOfMemoryError where one image is too
        much.
        """
        waiting = [batch]
        while waiting:
            part = waiting.pop(0)
            if self.most is not None and len(part) > self.most:
                waiting = [*part.split(self.most), *waiting]
                continue
            try:
                yield work(part)
                continue
            except OUT_OF_MEMORY:
                if len(part) == 1:
                    raise
            self.most = max(1, len(part) // 2)  # out of `except`, whose traceback holds what was computed
            release()
            waiting.insert(0, part)


def release() -> None:
    """Gives memory that nothing refers to back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
