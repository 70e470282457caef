"""The gauge of a GPU: what it makes of NVML's counters, samples and errors."""

from __future__ import annotations

import pynvml
import pytest
import torch

from bench.costs.gauge import Gauge
from tests.costs.nvml import DEVICE, KEPT, Nvml, nvml

__all__ = ["nvml"]  # the fixture


def test_utilisation_is_the_mean_of_the_samples_since_the_last_lap(nvml: Nvml) -> None:
    nvml.work(90, 90)  # before the gauge was made
    gauge = Gauge(DEVICE)
    nvml.work(10, 20, 60)
    assert gauge.lap() == (pytest.approx(150.0), pytest.approx(0.3))
    nvml.work(100)
    assert gauge.lap() == (pytest.approx(50.0), pytest.approx(1.0))


def test_a_long_fit_counts_from_its_start_where_samples_are_collected_in_time(nvml: Nvml) -> None:
    gauge = Gauge(DEVICE)
    for busy in (0, 100, 50, 50):
        nvml.work(*[busy] * (KEPT - 1))
        gauge.collect()
    assert gauge.lap()[1] == pytest.approx(0.5)


def test_work_that_is_shorter_than_a_sample_has_the_latest_period(nvml: Nvml) -> None:
    nvml.work(80)
    gauge = Gauge(DEVICE)
    assert gauge.lap() == (0.0, 0.8)


def test_a_gpu_without_samples_is_asked_for_its_latest_period(nvml: Nvml) -> None:
    nvml.errors["nvmlDeviceGetSamples"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    gauge = Gauge(DEVICE)
    for busy in (20, 40):
        nvml.work(busy)
        gauge.collect()
    nvml.work(90)
    assert gauge.lap()[1] == pytest.approx(0.5)


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_NOT_FOUND])
def test_without_nvml_nothing_is_read(function: str, code: int, nvml: Nvml) -> None:
    nvml.errors[function] = code
    assert Gauge(DEVICE).lap() == (None, None)


def test_a_part_of_a_gpu_has_no_figures_of_its_own(nvml: Nvml) -> None:
    nvml.mig = pynvml.NVML_DEVICE_MIG_ENABLE
    nvml.work(50)
    assert Gauge(DEVICE).lap() == (None, None)


def test_a_gpu_that_knows_no_parts_is_read_as_a_whole(nvml: Nvml) -> None:
    nvml.errors["nvmlDeviceGetMigMode"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    gauge = Gauge(DEVICE)
    nvml.work(50)
    assert gauge.lap() == (pytest.approx(50.0), 0.5)


def test_a_gpu_that_was_lost_reads_nothing(nvml: Nvml) -> None:
    gauge = Gauge(DEVICE)
    nvml.work(50)
    for function in ("nvmlDeviceGetSamples", "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTotalEnergyConsumption"):
        nvml.errors[function] = pynvml.NVML_ERROR_GPU_IS_LOST
    assert gauge.lap() == (None, None)


def test_a_cpu_has_no_gauge() -> None:
    assert Gauge(torch.device("cpu")).lap() == (None, None)
