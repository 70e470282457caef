"""Errors of a device: which of them end a run, and what they keep alive."""

from __future__ import annotations

import weakref

import pytest
import torch

from bench.costs.faults import forget, is_fault
from bench.spec import UserError

ACCELERATOR: type[RuntimeError] = getattr(torch, "AcceleratorError", RuntimeError)  # since torch 2.8


def accelerator(code: int) -> RuntimeError:
    """What torch 2.8 and later raise for an error code of CUDA."""
    error = ACCELERATOR("CUDA error: something")
    error.error_code = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
        accelerator(719),
    ],
)
def test_an_error_inside_a_kernel_is_a_fault(error: RuntimeError) -> None:
    assert is_fault(error)
    told = UserError("its training failed")
    told.__cause__ = error
    assert is_fault(told)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        MemoryError(),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x3 and 4x3)"),
        ValueError("CUDA error: said by somebody else"),
        UserError("it diverged"),
    ],
)
def test_what_a_device_survives_is_no_fault(error: BaseException) -> None:
    assert not is_fault(error)


@pytest.mark.skipif(ACCELERATOR is RuntimeError, reason="this version of torch has no type for errors of a device")
def test_memory_that_the_driver_has_not_is_no_fault() -> None:
    assert not is_fault(accelerator(2))


def test_an_error_that_is_kept_keeps_no_tensors() -> None:
    seen = []

    def inner() -> None:
        block = torch.ones(3)
        seen.append(weakref.ref(block))
        raise torch.OutOfMemoryError("CUDA out of memory")

    def outer() -> None:
        held = torch.ones(4)
        seen.append(weakref.ref(held))
        try:
            inner()
        except torch.OutOfMemoryError as error:
            raise UserError("not even one image fits") from error

    with pytest.raises(UserError) as caught:
        outer()
    assert [one() is None for one in seen] == [False, False]
    forget(caught.value)
    assert [one() is None for one in seen] == [True, True]
