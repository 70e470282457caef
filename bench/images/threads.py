"""The threads that read: as many as there are cores, each at work with one thread of torch's own."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import torch

T = TypeVar("T")
MOST = 32  # beyond it threads wait for Python's lock more than they decode
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, and of the period they are for


def cores() -> int:
    """Cores that this process may use: by the system's count, its affinity, and the quota of its container."""
    count = os.cpu_count() or 1
    if sys.version_info >= (3, 13):
        count = os.process_cpu_count() or count
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return max(1, min(count, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such container, or its quota is `max`
        return count


@cache
def readers() -> ThreadPoolExecutor:
    """The threads that decode and resize, the same for the whole process."""
    count, own = min(MOST, cores()), torch.get_num_threads()
    started = Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # a thread takes the number of all when it first asks; only then is its own one its own
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(count, "reader", begin)
    for _ in range(count):
        pool.submit(int)
    started.wait()
    torch.set_num_threads(own)  # for threads that are yet to come
    return pool


def ahead(made: Iterator[T]) -> Iterator[T]:
    """The same things; each is made while the one before it is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, made, None)
        while (one := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield one
