"""The device that computes: which one a name means, what it is called, and what it tells of its energy and use."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bench.spec import UserError

FUSED_OPTIMISERS = ("cpu", "cuda", "mps")  # types of devices on which torch has a whole optimiser step in one kernel


def find_device(name: str) -> torch.device:
    """The torch device of a name such as `cpu` or `cuda:1`.

    `auto` means a CUDA GPU if there is one, else an Apple GPU (`mps`), else the CPU. Raises UserError when there is no
    such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device {name!r} here; choose cpu, cuda, cuda:1 or mps with --device") from error
    return device


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


class Gauge:
    """Reads the energy and the utilisation of an NVIDIA GPU.

    On another device, and where NVML (NVIDIA's management library) is missing, it reads nothing.
    """

    def __init__(self, device: torch.device) -> None:
        self.handle = _handle(device)
        self._joules = self._energy()

    def lap(self) -> tuple[float | None, float | None]:
        """Joules since the last lap, and the latest utilisation as a fraction. What is not known is None.

        NVML counts energy from the Volta generation on. Its utilisation is the fraction of its own last sample period
        (up to one second) in which a kernel ran.
        """
        now, before = self._energy(), self._joules
        self._joules = now
        joules = now - before if now is not None and before is not None else None
        return joules, self._utilisation()

    def _energy(self) -> float | None:
        if self.handle is None:
            return None
        import pynvml  # here, because a machine without a GPU does not need it

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
    """NVML's handle of the GPU that torch calls `device`, found by its UUID; None where there is none.

    NVML and torch may number the GPUs differently, so the number does not identify one.
    """
    if device.type != "cuda":
        return None
    import pynvml  # as above

    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    return None


def limit_memory(device: torch.device, most: int) -> None:
    """Makes torch raise its out-of-memory error above `most` bytes of GPU memory.

    Raises UserError for a device that is no CUDA GPU.
    """
    if device.type != "cuda":
        raise UserError(f"--memory-limit holds on a GPU alone, and {device} is none; leave it out")
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, most / total), device)
