"""The device that a name stands for."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

import torch

from bench.spec import UserError


def find_device(name: str) -> torch.device:
    """The torch device asked for; `auto` takes the best there is. Raises UserError when it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device {name!r} here; choose cpu, cuda, cuda:1 or mps with --device") from error
    return device


def model(device: torch.device) -> str:
    """What computes: the name of the GPU, or of the processor with the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {processor()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """The processor's own name where Linux tells it, else its kind and the machine's name."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return f"{platform.machine()} of {platform.node()}"
