"""Errors and what they keep: which of them mean that the device has failed, and the memory that they hold on to."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

import torch

from bench.costs.memory import OUT_OF_MEMORY

ALLOCATION = 2  # cudaErrorMemoryAllocation, after which a device works on
# Errors of cuBLAS, of cuDNN and, before torch 2.8, of CUDA itself have no type of their own. A library that refused its
# arguments or found no memory has begun nothing.
FAULT = re.compile(r"(CUDA|HIP|cuDNN) error: (?!\w+_STATUS_(ALLOC_FAILED|NOT_SUPPORTED|INVALID_VALUE|BAD_PARAM))")


def is_fault(error: BaseException) -> bool:
    """Whether an error, or one that it came of, says that the device has failed.

    After an error inside a kernel, every later call of CUDA in the same process fails too (CUDA Runtime API,
    cudaErrorIllegalAddress: "the process must be terminated and relaunched"). Running out of memory is no fault.
    """
    return any(_is_fault(one) for one in chain(error))


def forget(error: BaseException) -> None:
    """Drops the local variables that tracebacks keep: the tensors of work that is over."""
    for one in chain(error):
        traceback.clear_frames(one.__traceback__)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all those that it came of."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [before for before in (one.__cause__, one.__context__) if before is not None]


def _is_fault(error: BaseException) -> bool:
    if not isinstance(error, RuntimeError) or isinstance(error, OUT_OF_MEMORY):
        return False
    if isinstance(error, getattr(torch, "AcceleratorError", ())):  # torch 2.8 and later
        return getattr(error, "error_code", None) != ALLOCATION
    return FAULT.match(str(error)) is not None
