"""Training where memory runs out: it goes on with the same result, and what the dead step held is released."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from bench.adapt.train import Recipe, train
from bench.backbone.blocks import blocks
from bench.backbone.network import TimmBackbone
from bench.costs.meter import Meter
from bench.spec import BackboneSpec, Split, UserError

CPU = torch.device("cpu")
NETWORKS = {"vit_tiny_patch16_224": {"depth": 2, "img_size": 32, "embed_dim": 48}, "resnet10t": {}}


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 12

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


class Trial:
    """A training of two epochs in batches of six; `watch` is told the last block's output whenever there is one."""

    def __init__(self, name: str, watch: Callable[[Tensor], None] = lambda output: None) -> None:
        torch.manual_seed(0)
        self.backbone = TimmBackbone(BackboneSpec(name), timm.create_model(name, **NETWORKS[name]), CPU)
        self.backbone.image_size = 32
        self.network, self.meter = self.backbone.network(3).train(), Meter(CPU)
        blocks(self.network)[-1].register_forward_hook(lambda _block, _inputs, output: watch(output))

    def run(self) -> dict[str, Tensor]:
        """The weights and statistics afterwards."""
        split = Split(Noise(), np.arange(12) % 3, 3, augment=frozenset({"flip"}))
        torch.manual_seed(1)
        train(self.backbone, self.network, split, Recipe(2, 1e-3, 6, 0.01, 0.1), self.meter)
        self.meter.stop()
        return dict(self.network.state_dict())


class Small:
    """Memory for so many images. It keeps watch over what was lost."""

    def __init__(self, images: int) -> None:
        self.images = images
        self.lost: list[weakref.ref[Tensor]] = []
        self.released = True

    def __call__(self, output: Tensor) -> None:
        self.released &= all(dead() is None for dead in self.lost)
        if len(output) > self.images:
            self.lost.append(weakref.ref(output))
            raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("most", [1, 4])
def test_a_batch_that_does_not_fit_is_computed_in_parts(most: int) -> None:
    """Scores, losses and FLOPs are those of the whole batch."""
    name = "vit_tiny_patch16_224"
    usual, memory = Trial(name), Small(most)
    small = Trial(name, memory)
    usual.run(), small.run()
    # Scores and not weights: Adam makes a step of a gradient that is nothing but rounding, as a key's bias has it.
    images = torch.randn(1, 3, 32, 32)
    assert torch.allclose(small.network(images), usual.network(images), atol=1e-4)
    losses = zip(small.meter.curves["loss"], usual.meter.curves["loss"], strict=True)
    assert all(one == pytest.approx(two, abs=1e-5) for one, two in losses)
    assert usual.meter.flops == small.meter.flops
    assert small.meter.curves["memory/images at once"] == [(1, {4: 3, 1: 1}[most]), (2, {4: 3, 1: 1}[most])]
    assert not usual.meter.curves.keys() & {"memory/images at once", "memory/recomputed"}
    gc.collect()
    assert memory.lost and memory.released and all(dead() is None for dead in memory.lost)


def test_where_one_image_does_not_fit_a_sentence_says_so() -> None:
    with pytest.raises(UserError, match="out of memory with one image; choose a smaller image size or backbone"):
        Trial("vit_tiny_patch16_224", Small(0)).run()


class Once(Small):
    """Memory that runs out in the third step, and is enough once that was released."""

    steps = 0

    def __call__(self, output: Tensor) -> None:
        self.steps += 1
        self.images = 0 if self.steps == 3 else 100
        super().__call__(output)


def test_batch_statistics_are_kept_whole_by_computing_blocks_twice() -> None:
    """Weights and running statistics come out the same, and the second computation is charged."""
    usual, memory = Trial("resnet10t"), Once(0)
    small = Trial("resnet10t", memory)
    expected, found = usual.run(), small.run()
    for key in expected:
        assert torch.allclose(found[key].float(), expected[key].float(), atol=1e-4), key
    step = usual.meter.flops / 4
    assert usual.meter.flops + 0.3 * step < small.meter.flops < usual.meter.flops + 0.7 * step
    assert [at for at, _ in small.meter.curves["memory/recomputed"]] == [2]
    assert memory.lost and all(dead() is None for dead in memory.lost)
    assert not [block for block in blocks(small.network) if "forward" in vars(block)]


def test_batch_statistics_of_too_large_a_batch_are_refused_with_a_sentence() -> None:
    with pytest.raises(UserError, match="out of memory with 6 images, which batch norm needs together"):
        Trial("resnet10t", Small(4)).run()


def test_blocks_are_the_residual_blocks_of_a_network_and_none_of_a_stranger() -> None:
    network = timm.create_model("resnet10t")
    assert len([block for block in blocks(network) if type(block).__name__ == "BasicBlock"]) == 4
    vit = timm.create_model("vit_tiny_patch16_224", depth=3)
    assert len([block for block in blocks(vit) if type(block).__name__ == "Block"]) == 3
    assert blocks(nn.Sequential(nn.Sequential(nn.Linear(2, 2)))) == []
