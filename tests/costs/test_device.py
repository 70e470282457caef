"""Which device a name means, and the limit of its memory, on machines that a test makes up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.costs import device as devices
from bench.costs.device import find_device, limit_memory
from bench.spec import UserError

CUDA = torch.device("cuda", 0)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine with two GPUs of 80 GB, the second of which torch uses; what is asked of their driver is kept."""
    asked: dict[str, Any] = {}
    zeros = torch.zeros
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 10**9))
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda part, device: asked.update(part=part, index=device.index)
    )
    monkeypatch.setattr(devices.torch, "zeros", lambda count, device: zeros(count))
    return asked


@pytest.mark.parametrize(("name", "index"), [("cuda", 1), ("auto", 1), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_cuda_device_has_its_index(name: str, index: int, gpus: dict[str, Any]) -> None:
    assert find_device(name) == torch.device("cuda", index)


def test_the_memory_limit_holds_on_the_default_device(gpus: dict[str, Any]) -> None:
    limit_memory(find_device("auto"), 20 * 10**9)
    assert gpus == {"part": 0.25, "index": 1}


def test_more_memory_than_the_gpu_has_is_refused(gpus: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="is 100 GB, and cuda:0 has 80 GB"):
        limit_memory(CUDA, 100 * 10**9)
    assert not gpus


def test_an_index_that_is_too_high_names_those_there_are(gpus: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"no device 'cuda:2' here; the GPUs are cuda:0 to cuda:1"):
        find_device("cuda:2")


def test_auto_never_takes_an_apple_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["meta", "xla", "gpu", "cuda:", "cuda:-1", "tpu:0", ""])
def test_what_is_no_device_is_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match="choose cpu, cuda, cuda:1 or mps with --device") as said:
        find_device(name)
    assert "\n" not in str(said.value)


def test_without_a_gpu_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="torch finds no CUDA GPU"):
        find_device("cuda:1")


def test_a_gpu_that_does_not_answer_is_a_sentence(gpus: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: GPU is lost\nmore of it")

    monkeypatch.setattr(devices.torch, "zeros", lost)
    with pytest.raises(UserError, match=r"works here \(CUDA error: GPU is lost\)"):
        find_device("cuda:0")
