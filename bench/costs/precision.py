"""The number formats that a device computes in: of the frozen network, of what is trained, and of solvers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from bench.spec import UserError

FP32, TF32, BF16 = "fp32", "tf32", "bf16"
TENSOR_CORES = (8, 0)  # the compute capability (Ampere) from which an NVIDIA GPU has TF32


@dataclass(frozen=True)
class Precision:
    """The formats of one device. Each is `fp32` (IEEE), `tf32`, or `bf16` by autocast."""

    device: torch.device
    frozen: str = FP32  # of the frozen network's forward pass
    trained: str = FP32  # of a network that is trained, when it is looked at and evaluated too

    @contextmanager
    def computing(self, trained: bool) -> Iterator[None]:
        """The context of a forward pass of the frozen network, or of a step, look or evaluation of a trained one."""
        with _computing(self.device, self.trained if trained else self.frozen):
            yield

    def __str__(self) -> str:
        return self.frozen if self.frozen == self.trained else f"{self.trained} trained, {self.frozen} frozen"


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """The context of solvers, and of heads inside a pass of the network: IEEE fp32, without autocast."""
    with _computing(device, FP32):
        yield


def choose_precision(asked: str, device: torch.device) -> Precision:
    """What `auto`, `fp32`, `tf32` or `bf16` means on a device. Raises UserError for a format that the device has not.

    `auto` is bf16 for what is trained and TF32 for the frozen network where an NVIDIA GPU has both natively, and IEEE
    fp32 elsewhere.
    """
    has = formats(device)
    if asked == "auto":
        return Precision(device, TF32 if TF32 in has else FP32, BF16 if BF16 in has and device.type == "cuda" else FP32)
    if asked not in has:
        raise UserError(f"{device} does not compute in {asked}; choose {' or '.join(has)} with --precision, or auto")
    return Precision(device, asked, asked)


def formats(device: torch.device) -> list[str]:
    """The formats that a device computes in natively; bf16 on every CPU, where it may be slow."""
    if device.type == "cpu":
        return [FP32, BF16]
    if device.type != "cuda":
        return [FP32]
    tensor_cores = torch.version.hip is None and torch.cuda.get_device_capability(device) >= TENSOR_CORES
    with torch.cuda.device(device):
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return [FP32, *([TF32] if tensor_cores else []), *([BF16] if bf16 else [])]


def ieee_by_default() -> None:
    """Makes float32 products and convolutions IEEE where no context says otherwise.

    torch's own default is TF32 for convolutions, and some containers turn it on for products too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in _tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@contextmanager
def _computing(device: torch.device, asked: str) -> Iterator[None]:
    """A context in which torch computes in a format. It changes nothing where that is so already."""
    if device.type == "cuda":
        with _tf32(asked != FP32), torch.autocast("cuda", torch.bfloat16, enabled=asked == BF16):
            yield
    elif asked == BF16 or (device.type == "cpu" and torch.is_autocast_enabled("cpu")):
        with torch.autocast(device.type, torch.bfloat16, enabled=asked == BF16):
            yield
    else:
        yield


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Sets whether matrix products and convolutions of float32 may round their factors to TF32.

    The older of torch's two interfaces is used: every version has it, and torch.compile fails where both are in use.
    """
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch say that the interface is the older one
        before = matmul.allow_tf32, convolution.allow_tf32
        matmul.allow_tf32 = convolution.allow_tf32 = allowed
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matmul.allow_tf32, convolution.allow_tf32 = before
