"""The gauge of an NVIDIA GPU: its energy and its utilisation, as NVML, NVIDIA's management library, counts them."""

from __future__ import annotations

from contextlib import suppress
from statistics import fmean
from typing import Any

import torch


class Gauge:
    """Reads the energy and the utilisation of an NVIDIA GPU. Nothing of it waits for the GPU.

    On another device, on a part of a GPU (MIG), and where NVML is missing or the GPU is lost, it reads nothing.
    """

    def __init__(self, device: torch.device) -> None:
        self.handle = _handle(device)
        self._joules = self._energy()
        self._seen = 0  # the time of NVML's newest sample that was read, in microseconds
        self._busy: list[float] = []  # samples since the last lap, fractions
        self.collect()
        self._busy.clear()

    def lap(self) -> tuple[float | None, float | None]:
        """Joules and mean utilisation, a fraction, since the last lap. What is not known is None.

        NVML counts energy from the Volta generation on. Its utilisation is the fraction of a sample period in which a
        kernel ran. A period is a sixth of a second to a second; work that is over sooner has the latest one.
        """
        now, before = self._energy(), self._joules
        self._joules = now
        self.collect()
        utilisation = fmean(self._busy) if self._busy else self._latest()
        self._busy.clear()
        return now - before if now is not None and before is not None else None, utilisation

    def collect(self) -> None:
        """Takes in the samples that are new. NVML keeps about a hundred, so call it every few seconds of work.

        A GPU that keeps no samples is asked for its latest period instead.
        """
        if self.handle is None:
            return
        import pynvml  # here, because a machine without a GPU does not need it

        try:
            _, samples = pynvml.nvmlDeviceGetSamples(self.handle, pynvml.NVML_GPU_UTILIZATION_SAMPLES, self._seen)
        except pynvml.NVMLError_NotFound:  # none is new
            return
        except pynvml.NVMLError:
            latest = self._latest()
            self._busy += [] if latest is None else [latest]
            return
        new = [one for one in samples if one.timeStamp > self._seen]
        self._busy += [one.sampleValue.uiVal / 100 for one in new]
        self._seen = max([self._seen, *(one.timeStamp for one in new)])

    def _energy(self) -> float | None:
        """Joules since the driver was loaded."""
        if self.handle is None:
            return None
        import pynvml  # as above

        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / 1000
        return None

    def _latest(self) -> float | None:
        """The utilisation of the latest sample period."""
        if self.handle is None:
            return None
        import pynvml  # as above

        with suppress(pynvml.NVMLError):
            return float(pynvml.nvmlDeviceGetUtilizationRates(self.handle).gpu) / 100
        return None


def _handle(device: torch.device) -> Any:
    """NVML's handle of the GPU that torch calls `device`, found by its UUID; None where there is none.

    NVML and torch may number the GPUs differently, so the number does not identify one. In MIG mode what NVML counts is
    of the whole GPU, and others may use parts of it.
    """
    if device.type != "cuda":
        return None
    import pynvml  # as above

    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return None if _is_divided(handle) else handle
    return None


def _is_divided(handle: Any) -> bool:
    import pynvml  # as above

    with suppress(pynvml.NVMLError):  # most GPUs know of no MIG mode
        return bool(pynvml.nvmlDeviceGetMigMode(handle)[0] == pynvml.NVML_DEVICE_MIG_ENABLE)
    return False
