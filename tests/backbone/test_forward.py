"""A frozen network in bf16: what is read of it, and all that is solved on that, is of single precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.backbone.feature_cache import slot
from bench.backbone.features import TaskImages, features
from bench.backbone.forward import read, taps
from bench.backbone.network import TimmBackbone, load
from bench.costs.budget import Budget
from bench.costs.clock import Clock
from bench.costs.meter import Meter
from bench.images.pixel_cache import CachedImages
from bench.images.pixels import pixels
from bench.runs.evaluate import evaluate
from bench.runs.trial import Trial
from bench.spec import BackboneSpec, Method, Split
from methods.all_features import AllFeatures
from methods.head2toe import Head2Toe
from methods.head2toe_path import Head2ToePath
from methods.linear_probe import LinearProbe

CPU = torch.device("cpu")


class Stripes:
    """Pictures of stripes, one direction a class, and noise."""

    def __len__(self) -> int:
        return 60

    def decode(self, index: int) -> np.ndarray:
        noise = np.random.default_rng(index).integers(0, 120, (32, 32, 3))
        wave = 60 * (1 + np.sin(np.arange(32)))[:, None, None]
        return (noise + (wave if index % 2 else wave.transpose(1, 0, 2))).astype(np.uint8)


def network(precision: str) -> TimmBackbone:
    return load(BackboneSpec("demo", precision=precision), CPU)


@pytest.fixture(scope="module")
def bf16() -> TimmBackbone:
    return network("bf16")


@pytest.fixture(scope="module")
def split(bf16: TimmBackbone) -> Split:
    return Split(TaskImages(Stripes(), bf16), np.arange(60) % 2, 2, 20)


def test_what_is_read_is_float32_outside_of_autocast(bf16: TimmBackbone) -> None:
    wanted = {tap.name: [16] for tap in taps(bf16, 16)}  # finding them takes a pass in fp32
    inside: set[torch.dtype] = set()
    first = next(module for module in bf16.module.modules() if isinstance(module, torch.nn.Conv2d))
    handle = first.register_forward_hook(lambda module, given, output: inside.add(output.dtype))
    seen: set[tuple[torch.dtype, bool]] = set()

    def receive(name: str, target: int | None, pooled: Tensor) -> None:
        seen.add((pooled.dtype, torch.is_autocast_enabled("cpu")))

    read(bf16, pixels(Stripes(), 32)[:4], wanted, receive, Clock(CPU))
    handle.remove()
    assert inside == {torch.bfloat16}
    assert seen == {(torch.float32, False)}


def test_features_of_bf16_are_those_of_fp32_but_for_its_rounding(bf16: TimmBackbone) -> None:
    for target in (None, 64):
        rounded = features(bf16, Stripes(), target, Meter(CPU))
        exact = features(network("fp32"), Stripes(), target, Meter(CPU))
        assert [block.dtype for block in rounded.held] == [block.dtype for block in exact.held]
        difference = (rounded.concatenated() - exact.concatenated()).norm() / exact.concatenated().norm()
        assert 1e-4 < difference < 2e-2


@pytest.mark.parametrize(
    "method",
    [LinearProbe(), AllFeatures(target=64), Head2Toe(target=64, steps=30), Head2ToePath(target=64)],
    ids=lambda method: type(method).__name__,
)
def test_heads_on_bf16_are_float32_and_learn(bf16: TimmBackbone, split: Split, method: Method) -> None:
    torch.manual_seed(0)
    probe = method.fit(bf16, split.fitted(), Meter(CPU))
    assert {tensor.dtype for name, tensor in probe.stored().items() if name in ("weight", "bias")} == {torch.float32}
    held_out = split.held_out()
    accuracy = Trial(bf16, split, Budget(), 0).accuracy(probe, held_out)
    (found,) = evaluate(bf16, [probe], {"test": held_out}, Meter(CPU))
    assert found.accuracy["test"] == accuracy > 0.9


def test_each_precision_has_its_own_file_of_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path))
    images = CachedImages(Stripes(), "stripes")
    files = [slot(network(precision), images, 64) for precision in ("fp32", "bf16", "auto")]
    names = [file.path for file in files if file is not None]
    assert names[0] == names[2] != names[1]
