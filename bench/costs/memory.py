"""Memory of devices: how much is free, and how work goes on in smaller batches where it runs out."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)
UNTOLD = 1 << 32  # bytes that are taken to be free where the system does not tell
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # Linux states the limits of a container here


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


def fits(wanted: int, device: torch.device) -> bool:
    """Whether `wanted` bytes are at most half of what is free on a device, so that as much is left to work in."""
    return 2 * wanted <= free_bytes(device)


def free_bytes(device: torch.device) -> int:
    """Bytes that can still be taken: of a CUDA GPU's memory within the process's limit, or of RAM elsewhere."""
    if device.type != "cuda":
        return min(_free_ram(), _free_in_container())
    free, total = torch.cuda.mem_get_info(device)
    taken, held = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    fraction = getattr(torch.cuda, "get_per_process_memory_fraction", lambda _device: 1.0)(device)  # not in torch 2.6
    return max(0, min(free + held - taken, int(fraction * total) - taken))


def _free_ram() -> int:
    """Linux's estimate of the RAM that programs can still take."""
    with suppress(OSError, ValueError, IndexError):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), UNTOLD)
    return UNTOLD


def _free_in_container() -> int:
    """What is left of the limit of the container (cgroup v2) that the process runs in, in bytes."""
    with suppress(OSError, ValueError, StopIteration):
        limit, taken = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        unused = next(int(line.split()[1]) for line in lines if line.startswith("inactive_file"))  # pages of files
        return max(0, limit - taken + unused)
    return sys.maxsize  # there is no limit
