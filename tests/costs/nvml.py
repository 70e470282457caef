"""What NVML does for a test, where there is no GPU: its functions, its samples and its errors, as documented."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
import torch

UUID = "6d2c2a4e-0000-0000-0000-000000000001"
KEPT = 100  # samples that the driver keeps
DEVICE = torch.device("cuda", 0)


class Nvml:
    """One GPU. A test sets what it supports and does, and lets time pass."""

    def __init__(self) -> None:
        self.now, self.millijoules, self.latest = 1_000_000, 5_000, 0  # microseconds, mJ, per cent
        self.samples: list[Any] = []
        self.errors: dict[str, int] = {}  # by function: what it raises
        self.mig = 0

    def work(self, *busy: int) -> None:
        """A sixth of a second and 50 J for each per cent of utilisation."""
        for percent in busy:
            self.now += 166_667
            self.millijoules += 50_000
            self.latest = percent
            one = SimpleNamespace(timeStamp=self.now, sampleValue=SimpleNamespace(uiVal=percent))
            self.samples = [*self.samples, one][-KEPT:]

    def _may(self, function: str) -> None:
        if function in self.errors:
            raise pynvml.NVMLError(self.errors[function])

    def nvmlInit(self) -> None:
        self._may("nvmlInit")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self._may("nvmlDeviceGetHandleByUUID")
        if uuid != f"GPU-{UUID}":
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return uuid

    def nvmlDeviceGetMigMode(self, handle: str) -> list[int]:
        self._may("nvmlDeviceGetMigMode")
        return [self.mig, self.mig]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        self._may("nvmlDeviceGetTotalEnergyConsumption")
        return self.millijoules

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        self._may("nvmlDeviceGetUtilizationRates")
        return SimpleNamespace(gpu=self.latest, memory=0)

    def nvmlDeviceGetSamples(self, handle: str, kind: int, seen: int) -> tuple[int, list[Any]]:
        self._may("nvmlDeviceGetSamples")
        assert kind == pynvml.NVML_GPU_UTILIZATION_SAMPLES
        new = [one for one in self.samples if one.timeStamp > seen]
        if not new:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, new


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    """NVML with one GPU, which torch calls cuda:0."""
    made = Nvml()
    for name in dir(made):
        if name.startswith("nvml"):
            monkeypatch.setattr(pynvml, name, getattr(made, name))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=UUID))
    return made
