"""The device that a name stands for."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

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


class Gauge:
    """Reads a GPU between laps; on any other device, or where NVML is not, it knows nothing."""

    def __init__(self, device: torch.device) -> None:
        self.handle = _handle(device)
        self._joules = self._energy()

    def lap(self) -> tuple[float | None, float | None]:
        """Joules since the last lap (None before the Volta generation), and the latest utilisation as a fraction.

        NVML's utilisation is the part of its own last sample period, up to one second, in which a kernel ran.
        """
        now, before = self._energy(), self._joules
        self._joules = now
        joules = now - before if now is not None and before is not None else None
        return joules, self._utilisation()

    def _energy(self) -> float | None:
        if self.handle is None:
            return None
        import pynvml  # here, so that a machine without a GPU does without it

        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / 1000
        return None

    def _utilisation(self) -> float | None:
        if self.handle is None:
            return None
        import pynvml  # as above

        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetUtilizationRates(self.handle).gpu) / 100
        return None


def _handle(device: torch.device) -> Any:
    """NVML's handle of the GPU that torch calls `device`, found by its UUID; None where there is none."""
    if device.type != "cuda":
        return None
    import pynvml  # as above

    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    return None


def limit_memory(device: torch.device, most: int) -> None:
    """Makes torch raise its out-of-memory error above `most` bytes. Raises UserError where there is no such limit."""
    if device.type != "cuda":
        raise UserError(f"--memory-limit holds on a GPU; {device} has none, leave it out")
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, most / total), device)
