"""Every method on a device that is not the CPU: torch_xla's, which computes on the CPU but refuses the CPU's tensors.

It needs a side environment, because torch_xla wants the torch of its own version:

    pip install torch==2.9.0 torchvision==0.24.0 torch_xla==2.9.0 . pytest
    PJRT_DEVICE=CPU python -m pytest -m second_device tests/methods/test_second_device.py
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.adapt.probe import Probe
from bench.backbone.network import TimmBackbone, load, unloaded
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.runs.evaluate import evaluate
from bench.spec import BackboneSpec
from tests.methods.test_contract import PLACED, quick, split_of

pytestmark = [pytest.mark.second_device, pytest.mark.filterwarnings("default")]
TASK = "demo/digits"
VIT = ("lora",)  # torch_xla has no backward pass through batch norm in eval mode with frozen weights, so not in a CNN
LACKS = {"head2toe_path": "torch_xla keeps rows chosen by `nonzero` at their greatest number; reductions fail on them"}


@lru_cache
def second_device() -> torch.device:
    """torch_xla's device, each operation done at once: a solver's graph would be compiled for hours."""
    os.environ.setdefault("PJRT_DEVICE", "CPU")
    torch_xla = pytest.importorskip("torch_xla", reason="torch_xla is not installed; this file says how to run it")
    torch_xla.experimental.eager_mode(True)
    device: torch.device = torch_xla.device()
    return device


@lru_cache
def backbone(device: torch.device, vit: bool) -> TimmBackbone:
    """The embedded backbone, or a small vision transformer with random weights."""
    if not vit:
        return load(BackboneSpec("demo"), device)
    spec = BackboneSpec("test_vit", image_size=32)
    torch.manual_seed(0)
    return TimmBackbone(spec, unloaded(spec)[0], device)


@pytest.mark.parametrize("name", PLACED)
def test_a_method_adapts_there_as_on_the_cpu(name: str, tmp_path: Path) -> None:
    if name in LACKS:
        pytest.xfail(LACKS[name])
    method, train, found = quick(name), split_of(TASK), []
    for device in (second_device(), torch.device("cpu")):
        place = backbone(device, name in VIT)
        torch.manual_seed(0)
        meter = Meter(place.device)
        adapted = method.fit(place, train, meter)
        meter.stop()
        assert meter.flops > 0
        save_file(dict(adapted.stored()), tmp_path / "delta.safetensors")
        restored = method.restore(place, load_file(tmp_path / "delta.safetensors"), train.classes)
        logits = restored.logits(pixels(train.images, place.image_size)[:50].to(place.device))
        assert logits.device == place.device
        (evaluation,) = evaluate(place, [restored], {"test": train}, Meter(place.device))
        found.append((logits.cpu(), evaluation.accuracy["test"], meter.flops))
    (logits, accuracy, flops), (expected, accurate, counted) = found
    assert isinstance(restored, Probe) == method.frozen
    assert flops == pytest.approx(counted, rel=0.02)  # solvers may take another step
    assert accuracy == pytest.approx(accurate, abs=0.05)
    if method.frozen:
        assert torch.nn.functional.cosine_similarity(logits.flatten(), expected.flatten(), 0) > 0.99
