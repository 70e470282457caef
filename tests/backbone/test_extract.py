"""Extraction where memory runs out, and in which batches and where features are held."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.backbone import extract as extraction
from bench.backbone.extract import BATCH, MOST, batch_size, extract, home
from bench.backbone.network import TimmBackbone, load
from bench.costs.meter import Meter
from bench.spec import BackboneSpec

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
TARGETS = (None, 16, 64)


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 100

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture
def backbone() -> TimmBackbone:
    return load(BackboneSpec("demo"), CPU)


@contextmanager
def room_for(backbone: TimmBackbone, most: int, held: list[weakref.ref[Tensor]]) -> Iterator[None]:
    """Within it memory runs out in the classifier of a batch above `most`. What that pass made is in `held`."""
    assert backbone.taps  # finding them takes one more pass

    def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if len(output) > most:
            held.extend(weakref.ref(tensor) for tensor in (given[0], output))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        assert not any(reference() is not None for reference in held)

    handle = backbone.module.get_classifier().register_forward_hook(hook)
    yield
    handle.remove()


def test_extraction_goes_on_in_halves_where_memory_runs_out(backbone: TimmBackbone, passes: list[int]) -> None:
    plenty, little, held = Meter(CPU), Meter(CPU), []
    usual = extract(backbone, Noise(), TARGETS, plenty)
    passes.clear()
    with room_for(backbone, 20, held):
        found = extract(backbone, Noise(), TARGETS, little)
    assert passes == [16] * 6 + [4]
    assert len(held) == 4  # the passes of 64 and of 32
    for target in TARGETS:
        assert found[target].flops == usual[target].flops
        for one, other in zip(found[target].held, usual[target].held, strict=True):
            assert one.dtype == other.dtype
            assert torch.allclose(one.float(), other.float(), rtol=2e-3, atol=1e-5)


def test_memory_too_small_for_one_image_is_an_error(backbone: TimmBackbone) -> None:
    with room_for(backbone, 0, []), pytest.raises(torch.OutOfMemoryError):
        extract(backbone, Noise(), TARGETS, Meter(CPU))


@pytest.mark.parametrize(("gib", "size", "count"), [(70, 224, 320), (70, 32, MOST), (4, 224, BATCH), (8, 128, 128)])
def test_batches_follow_the_memory_of_a_gpu(
    backbone: TimmBackbone, monkeypatch: pytest.MonkeyPatch, gib: int, size: int, count: int
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (gib << 30, gib << 30))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 1.0, raising=False)
    backbone.image_size = size
    assert batch_size(backbone) == BATCH
    backbone.device = GPU
    assert batch_size(backbone) == count


def test_features_stay_on_a_gpu_that_has_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "fits", lambda wanted, device: wanted <= 4000)
    assert home(1000, GPU) == GPU
    assert home(1001, GPU) == CPU
    assert home(1, torch.device("mps")) == home(1, CPU) == CPU
