"""What is read of the last blocks: DINOv2's intermediate layers of a ViT, pooled stages of a CNN and of Swin."""

from __future__ import annotations

import pytest
import torch

from bench.adapt.probe import widths
from bench.backbone.features import features
from bench.backbone.last_blocks import LastBlocks
from bench.backbone.network import TimmBackbone
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from tests.small import CPU, network_of, split


def read(network: TimmBackbone, target: LastBlocks) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The blocks of features of a few images, and the network's input for them."""
    images = split(8).images
    return list(features(network, images, target, Meter(CPU)).blocks), network.inputs(pixels(images, 32))


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_of_a_vit_they_are_class_tokens_and_the_mean_patch(count: int, mean: bool) -> None:
    network = network_of("test_vit")
    found, inputs = read(network, LastBlocks(count, mean))
    with torch.no_grad():  # timm applies the last norm, whose scale and shift are 1 and 0 before pretraining
        layers = network.module.get_intermediate_layers(  # type: ignore[operator]
            inputs, n=count, return_prefix_tokens=True, norm=True
        )
    expected = [prefix[:, 0] for _, prefix in layers]
    if mean:
        expected[-1] = torch.cat([expected[-1], layers[-1][0].mean(1)], dim=1)
    assert [block.shape[1] for block in found] == widths(network, LastBlocks(count, mean))
    assert all(torch.allclose(*pair, atol=5e-3) for pair in zip(found, expected, strict=True))  # kept in half precision


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
def test_of_maps_they_are_the_means_of_the_stages_and_the_embedding(name: str) -> None:
    network = network_of(name)
    found, inputs = read(network, LastBlocks(3, True))
    with torch.no_grad():
        stages = network.module.forward_intermediates(inputs, intermediates_only=True)  # type: ignore[operator]
        embedding = network.module.forward_head(  # type: ignore[operator]
            network.module.forward_features(inputs),
            pre_logits=True,  # type: ignore[operator]
        )
    expected = [stage.mean((2, 3)) for stage in stages[-3:-1]] + [embedding]
    assert all(torch.allclose(*pair, rtol=5e-3, atol=5e-3) for pair in zip(found, expected, strict=True))


def test_maps_with_channels_last_are_pooled_over_places() -> None:
    found, _ = read(network_of("swin"), LastBlocks(4, True))
    assert [block.shape[1] for block in found] == [12, 24, 48, 96]


def test_more_blocks_than_there_are_are_all() -> None:
    assert len(widths(network_of("test_vit"), LastBlocks(40, False))) == 6
