"""The device that computes: which one a name means, what it is called, and how much of its memory may be taken."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

import torch

from bench.spec import UserError

FUSED_OPTIMISERS = ("cpu", "cuda", "mps")  # types of devices on which torch has a whole optimiser step in one kernel
CHOICES = "choose cpu, cuda, cuda:1 or mps with --device"


def find_device(name: str) -> torch.device:
    """The torch device of a name such as `cpu` or `cuda:1`. A CUDA device always has its index.

    `auto` means the CUDA GPU that torch uses if there is one, else the CPU. It never means an Apple GPU (`mps`), which
    has no double precision. Raises UserError when there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        asked = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"no device is called {name!r}; {CHOICES}") from error
    if asked.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"{name!r} is no device that this computes on; {CHOICES}")
    device = _cuda(asked) if asked.type == "cuda" else torch.device(asked.type)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device {name!r} that works here ({_first(error)}); {CHOICES}") from error
    return device


def _cuda(asked: torch.device) -> torch.device:
    """The CUDA device with its index. Raises UserError where there is none."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise UserError(f"there is no device '{asked}' here, for torch finds no CUDA GPU; {CHOICES}")
    index = torch.cuda.current_device() if asked.index is None else asked.index
    if index >= count:
        there = "cuda:0 is the only GPU" if count == 1 else f"the GPUs are cuda:0 to cuda:{count - 1}"
        raise UserError(f"there is no device '{asked}' here; {there}, choose one with --device")
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """The name of the GPU, or the name of the processor with the number of torch's threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {processor()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """The processor's own name as Linux states it; elsewhere its architecture and the machine's name."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return f"{platform.machine()} of {platform.node()}"


def limit_memory(device: torch.device, most: int) -> None:
    """Makes torch raise its out-of-memory error above `most` bytes of GPU memory.

    Raises UserError for a device that is no CUDA GPU, and for more than the GPU has.
    """
    if device.type != "cuda":
        raise UserError(f"--memory-limit holds on a GPU alone, and {device} is none; leave it out")
    total = torch.cuda.get_device_properties(device).total_memory
    if most > total:
        raise UserError(
            f"--memory-limit is {most / 1e9:.4g} GB, and {device} has {total / 1e9:.4g} GB; choose less or leave it out"
        )
    torch.cuda.set_per_process_memory_fraction(most / total, device)


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
