"""Peak memory: the most that a piece of work holds at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch


class Peak:
    """The most bytes that work holds at a time, from when this is made. One is measured at a time.

    On a CUDA GPU it is what torch allocates beyond what is there already, and `own`: bytes that are there already and
    that the work would hold alone too. On a CPU it is what this process has resident in all.
    """

    def __init__(self, device: torch.device, own: int = 0) -> None:
        self.device, self.own = device, own
        reset_peak(device)
        self._before = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0

    def bytes(self) -> int | None:
        """The peak so far. None where the system does not tell."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) - self._before + self.own
        return resident_peak()


def reset_peak(device: torch.device) -> None:
    """Begins a new measurement of peak memory. On a CPU only Linux has one."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # 5 resets VmHWM, see proc(5)


def resident_peak() -> int | None:
    """VmHWM in bytes, the most memory that this process had resident. None where Linux's /proc is not there."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)
