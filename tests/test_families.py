"""One small network of every family that Head2Toe is to read: each of its variants fits it and is judged on it."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file

import methods  # noqa: F401  registers the methods
from bench.backbone.forward import taps
from bench.backbone.network import TimmBackbone
from bench.backbone.taps import find_taps
from bench.commands.taps import taps_table
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.registry import METHODS
from bench.runs.evaluate import evaluate
from bench.spec import BackboneSpec, Split, UserError

CPU = torch.device("cpu")
SMALL_SWIN = {"embed_dim": 24, "depths": (1, 2), "num_heads": (2, 4), "window_size": 4}
FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ResNet": ("resnet10t", {}),
    "ResNeXt": ("resnext26ts", {}),
    "RegNet": ("regnetx_002", {}),
    "MobileNet": ("mobilenetv3_small_050", {}),
    "EfficientNet": ("efficientnet_lite0", {}),
    "ConvNeXt": ("convnext_atto", {}),
    "DenseNet": ("densenet121", {"growth_rate": 8, "block_config": (2, 2, 2, 2)}),
    "ViT": ("vit_tiny_patch16_224", {"depth": 3}),
    "DeiT": ("deit_tiny_patch16_224", {"depth": 3}),
    "Swin": ("swin_tiny_patch4_window7_224", SMALL_SWIN),
    "hybrid": ("vit_tiny_r_s16_p8_224", {"depth": 3}),
}
QUICK = {"epochs": 1, "steps": 5, "target": 256, "trials": 1}
HEAD2TOE = [name for name, _ in METHODS.items() if name.startswith("head2toe")]


class Noise:
    """Random pictures."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def spec_of(family: str) -> BackboneSpec:
    name, arguments = FAMILIES[family]
    return BackboneSpec(name, args=arguments, image_size=64)


def backbone_of(family: str) -> TimmBackbone:
    """A network with random weights, its normalisation of the size of the activations that it sees."""
    torch.manual_seed(0)
    spec = spec_of(family)
    module = timm.create_model(spec.name, **spec.args)
    if hasattr(module, "set_input_size"):
        module.set_input_size(img_size=(64, 64))
    return TimmBackbone(spec, module, CPU)


def split(count: int) -> Split:
    return Split(Noise(count), np.arange(count) % 3, 3, count // 5)


# timm resizes Swin's table of relative positions in a way that torch warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_all_variants_run_on_every_family(family: str, tmp_path: Path) -> None:
    backbone, train = backbone_of(family), split(20)
    adapted = []
    for name in HEAD2TOE:
        make = METHODS.select([name])[name]
        known = {field.name for field in dataclasses.fields(make)}  # type: ignore[arg-type]
        method = make(**{key: value for key, value in QUICK.items() if key in known})
        torch.manual_seed(0)
        fitted = method.fit(backbone, train, Meter(CPU))
        save_file({key: value.contiguous() for key, value in fitted.stored().items()}, tmp_path / name)
        restored = method.restore(backbone, load_file(tmp_path / name), 3)
        images = pixels(train.images, 64)[:5]
        assert torch.equal(restored.logits(images), fitted.logits(images)), name
        adapted.append(restored)
    evaluated = evaluate(backbone, adapted, {"test": split(7)}, Meter(CPU))
    assert all(0 <= one.accuracy["test"] <= 1 and one.seconds > 0 for one in evaluated)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_listing_names_every_tap_and_its_size(family: str) -> None:
    written = io.StringIO()
    Console(file=written, width=200).print(taps_table(spec_of(family)))
    lines = [line.split() for line in written.getvalue().splitlines()]
    found = taps(backbone_of(family), 512)
    assert f"{len(found)} taps" in written.getvalue()
    assert [tap.name for tap in found] == [line[0] for line in lines[2 : 2 + len(found)]]
    assert lines[2 + len(found)][0] == "all"
    sizes = [[int(word.replace(",", "")) for word in line[-2:]] for line in lines[2 : 3 + len(found)]]
    assert [sum(column) for column in zip(*sizes[:-1], strict=True)] == sizes[-1]
    assert len({tap.name for tap in found}) == len(found) >= 8


def test_a_network_that_cannot_be_read_is_told() -> None:
    with pytest.raises(UserError, match="several heads"):
        find_taps(timm.create_model("deit_tiny_distilled_patch16_224", depth=1).eval(), 224)
    plain: Any = SimpleNamespace(module=Pixels(), taps=find_taps(Pixels(), 32))
    assert [tap.name for tap in taps(plain, None)] == ["embedding"]  # which is all that a linear probe reads
    with pytest.raises(UserError, match="no layer that Head2Toe can tap"):
        taps(plain, 512)


class Pixels(torch.nn.Module):
    """A network with nothing but a head."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)

    def get_classifier(self) -> torch.nn.Module:
        return self.fc

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.fc(images.mean((2, 3)))
        return scores
