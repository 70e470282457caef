"""The probe on the last blocks: what it chooses, and that what it keeps says what it reads."""

from __future__ import annotations

import pytest
import torch

from bench.adapt import grids
from bench.backbone.last_blocks import LastBlocks
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.spec import UserError
from methods.dino_linear import DinoLinear
from methods.linear_probe import LinearProbe
from tests.small import CPU, network_of, split


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_what_is_kept_says_what_is_read(name: str) -> None:
    network, train, meter = network_of(name), split(), Meter(CPU)
    adapted = DinoLinear().fit(network, train, meter)
    images = pixels(train.images, network.image_size)[:10]
    restored = DinoLinear().restore(network, adapted.stored(), train.classes)
    assert torch.allclose(restored.logits(images), adapted.logits(images), atol=1e-5)
    looks = {curve: points[0][0] for curve, points in meter.curves.items()}
    assert looks == {"chosen/blocks": 2, "chosen/avgpool": 2, "chosen/l2": len(grids.L2)}


def test_one_block_of_a_vit_is_the_linear_probe() -> None:
    network, train = network_of("test_vit"), split()
    images = pixels(train.images, network.image_size)[:50]
    ours = DinoLinear(blocks=1, avgpool=False, l2=0.1).fit(network, train, Meter(CPU)).logits(images)
    theirs = LinearProbe(l2=0.1).fit(network, train, Meter(CPU)).logits(images)
    assert torch.allclose(ours, theirs, atol=0.02)  # features are kept in half precision


def test_what_the_label_sets_is_not_chosen() -> None:
    meter = Meter(CPU)
    adapted = DinoLinear(blocks=2, avgpool=True).fit(network_of("test_vit"), split(), meter)
    assert adapted.target == LastBlocks(2, True)
    assert meter.curves.keys() == {"chosen/l2"}
    with pytest.raises(UserError, match="choose 1 or more"):
        DinoLinear(blocks=0)


def test_a_network_without_listed_blocks_is_refused() -> None:
    assert DinoLinear().refusal(network_of("test_vit").module) is None
    assert "Linear has none" in str(DinoLinear().refusal(torch.nn.Linear(1, 1)))
