"""The contract of every method on small networks of every family: it is left out by rule, or does all that it must."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

import methods  # noqa: F401  registers the methods
from bench.backbone.forward import taps
from bench.backbone.network import TimmBackbone
from bench.costs.meter import Meter, flop_counter
from bench.images.pixels import pixels
from bench.registry import METHODS
from bench.runs.evaluate import evaluate
from bench.spec import BackboneSpec, Method, Split
from tests.test_families import Noise

CPU, CLASSES, SIZE = torch.device("cpu"), 3, 32
WINDOWS = {"embed_dim": 24, "depths": (1, 1), "num_heads": (2, 4), "window_size": 4, "img_size": SIZE}
NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ViT": ("test_vit", {"img_size": SIZE}),
    "Swin": ("swin_tiny_patch4_window7_224", WINDOWS),
    "ResNet": ("test_resnet", {}),
    "EfficientNet": ("test_efficientnet", {}),
}
# Their layers are called in ways of their own, so that what is added to one may be passed by.
UNUSUAL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "BEiT": ("beit_base_patch16_224", {"embed_dim": 48, "depth": 2, "num_heads": 3, "img_size": SIZE}),
    "EVA-02": ("eva02_tiny_patch14_224", {"embed_dim": 48, "depth": 2, "num_heads": 3, "img_size": 28}),
    "Swin": NETWORKS["Swin"],
    "SwinV2": ("swinv2_tiny_window8_256", WINDOWS),
    "ConvNeXt": ("test_convnext", {}),
}
QUICK = {"epochs": 1, "steps": 3, "target": 8, "batch": 8, "head_batch": 8}  # whichever of these a method has
NAMES = [name for name, _ in METHODS.items()]
TRAINED = [name for name, make in METHODS.items() if not make.frozen]
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of libraries that peft imports
    pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning"),  # of torch, in timm's Swin
]


@cache
def network(family: str) -> TimmBackbone:
    """A network of a family with random weights."""
    name, arguments = {**NETWORKS, **UNUSUAL}[family]
    size = arguments.get("img_size", SIZE)
    torch.manual_seed(0)
    module = timm.create_model(name, **arguments)
    made = TimmBackbone(BackboneSpec(name, args=arguments, image_size=size), module, CPU)
    taps(made, QUICK["target"])  # which layers there are is found once, by a pass that no method is charged for
    return made


def split(count: int) -> Split:
    """Two batches of pictures, and a few that choose something."""
    return Split(Noise(count), np.arange(count) % CLASSES, CLASSES, count // 4)


def placed(name: str, family: str) -> tuple[Method, TimmBackbone]:
    """A short method and its network; the test ends here where it has no place in that."""
    make: Any = METHODS.select([name])[name]
    known = {field.name for field in dataclasses.fields(make)}
    method: Method = make(**{key: value for key, value in QUICK.items() if key in known})
    backbone = network(family)
    if (reason := method.refusal(backbone.module)) is not None:
        assert reason.rstrip(".") == reason, "a clause"
        pytest.skip(reason)
    return method, backbone


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fits, leaves the backbone as it is, charges every FLOP, stores, comes back alike and is evaluated."""
    monkeypatch.setenv("HEAD2HEAD_CACHE", "off")
    method, backbone = placed(name, family)
    version, meter = backbone.version(), Meter(CPU)
    torch.manual_seed(0)
    with flop_counter() as outer:
        fitted = method.fit(backbone, split(16), meter)
    meter.stop()
    assert backbone.version() == version, "it wrote to the backbone"
    assert 0.99 <= meter.flops / outer.get_total_flops() <= 1.001
    save_file({key: value.contiguous() for key, value in fitted.stored().items()}, tmp_path / "delta")
    restored = method.restore(backbone, load_file(tmp_path / "delta"), CLASSES)
    images = pixels(split(5).images, backbone.image_size)
    assert torch.allclose(restored.logits(images), fitted.logits(images), atol=1e-5)
    (found,) = evaluate(backbone, [restored], {"test": split(5)}, Meter(CPU))
    assert 0 <= found.accuracy["test"] <= 1


@pytest.mark.parametrize("family", UNUSUAL)
@pytest.mark.parametrize("name", TRAINED)
def test_all_that_is_trained_has_a_gradient(name: str, family: str) -> None:
    """Training fails at a parameter without one."""
    method, backbone = placed(name, family)
    torch.manual_seed(0)
    assert method.fit(backbone, split(8), Meter(CPU)).stored()
