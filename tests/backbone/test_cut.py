"""A network cut in two: both parts together are the network, and one that cannot be cut is known as such."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from bench.backbone.activations import activations
from bench.backbone.cut import Cut, residual_blocks
from bench.backbone.features import TaskImages
from bench.backbone.network import TimmBackbone, load
from bench.costs.meter import Meter, flop_counter
from bench.images import disk_cache
from bench.spec import BackboneSpec, Subset
from tests.backbone.test_feature_cache import images

CPU = torch.device("cpu")
SWIN = {"img_size": 64, "window_size": 2, "embed_dim": 24, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8)}
FAMILIES: dict[str, dict[str, Any]] = {
    "test_vit": {"img_size": 32},
    "swin_tiny_patch4_window7_224": SWIN,
    "convnext_atto": {},
    "test_resnet": {},
    "mobilenetv2_050": {},
    "mobilenetv3_small_050": {},
    "test_efficientnet": {},
}


@lru_cache(maxsize=1)
def network(name: str) -> nn.Module:
    """With a head that is not zero, and statistics and norms that are not the identity."""
    torch.manual_seed(0)
    module: nn.Module = timm.create_model(name, **FAMILIES.get(name, {}))
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=0.1 * (parameter.ndim < 2), std=0.1)
    return module.eval()


@torch.no_grad()
@pytest.mark.parametrize("name", FAMILIES)
def test_both_parts_are_the_network(name: str) -> None:
    whole, inputs = network(name), torch.randn(2, 3, 64 if "swin" in name else 32, 64 if "swin" in name else 32)
    blocks = residual_blocks(whole)
    assert blocks == [block for block in blocks if "." in block]
    for cut in [Cut(""), *(Cut(place) for place in (blocks[0], blocks[-3], blocks[-1]))]:
        before = cut.tried(whole, inputs)
        assert before is not None
        assert torch.allclose(cut.after(whole, before), whole(inputs), rtol=1e-4, atol=1e-5)
        with flop_counter() as parts:
            cut.after(whole, cut.before(whole, inputs))
        with flop_counter() as once:
            whole(inputs)
        assert parts.get_total_flops() == once.get_total_flops()  # nothing is computed twice


def test_blocks_that_share_positions_are_not_torn_apart() -> None:
    eva = timm.create_model("eva02_tiny_patch14_224", img_size=28, depth=2).eval()
    assert residual_blocks(eva) == ["blocks.0", "blocks.1"]
    assert Cut("blocks.1").tried(eva, torch.randn(2, 3, 28, 28)) is None


@pytest.fixture
def backbone() -> TimmBackbone:
    return load(BackboneSpec("demo"), CPU)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path))
    disk_cache.tell.cache_clear()
    return tmp_path


def test_activations_are_computed_once_and_charged_each_time(backbone: TimmBackbone, folder: Path) -> None:
    cut, task = Cut(residual_blocks(backbone.module)[-1]), TaskImages(images(), backbone)
    meters = [Meter(CPU) for _ in range(3)]
    with flop_counter() as outer:
        first = activations(backbone, task, cut, meters[0])
    with flop_counter() as nothing:
        part = activations(backbone, Subset(task, range(5, 9)), cut, meters[1])
    later = activations(backbone, TaskImages(images(), backbone), cut, meters[2])  # another run, from the disk
    assert first is not None and part is not None and later is not None
    assert outer.get_total_flops() == meters[0].flops == meters[1].flops == meters[2].flops > 0
    assert nothing.get_total_flops() == 0 and part.rows.tolist() == [5, 6, 7, 8]
    assert first.held.dtype == torch.float16 and torch.equal(first.held, later.held)


def test_activations_that_find_no_room_or_no_cut_are_none(
    backbone: TimmBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    cut = Cut(residual_blocks(backbone.module)[-1])
    monkeypatch.setattr("bench.backbone.activations.fits", lambda wanted, device: False)
    meter = Meter(CPU)
    assert activations(backbone, images(), cut, meter) is None
    assert meter.flops > 0  # it was tried


def test_numbers_beyond_half_precision_are_held_in_full(backbone: TimmBackbone) -> None:
    cut = Cut(residual_blocks(backbone.module)[0])
    norm = next(module for module in backbone.module.modules() if isinstance(module, nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight.mul_(1e6)
    large = activations(backbone, images(), cut, Meter(CPU))
    assert large is not None and large.held.dtype == torch.float32
