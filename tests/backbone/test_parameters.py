"""What of a network is trained, and how: groups by timm's rules, stochastic depth, frozen statistics."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.layers import DropPath
from torch import nn

from bench.backbone.parameters import freeze_statistics, optimiser_groups, stochastic_depth, train_only

NETWORKS = ["test_vit", "test_resnet", "mobilenetv2_035", "test_convnext"]


def test_weight_decay_spares_what_the_network_exempts() -> None:
    network = timm.create_model("test_vit")
    held = nn.ModuleDict({"inside": network})  # as a wrapper holds it
    for whole, prefix in ((network, ""), (held, "inside.")):
        names = {id(weight): name for name, weight in whole.named_parameters()}
        spared = {
            names[id(weight)]
            for group in optimiser_groups(whole, 0.05)
            if group["weight_decay"] == 0.0
            for weight in group["params"]
        }
        assert {prefix + "pos_embed", prefix + "cls_token", prefix + "norm.bias"} <= spared
        assert prefix + "head.weight" not in spared


def test_layer_decay_falls_from_the_head_to_the_stem() -> None:
    network = timm.create_model("vit_tiny_patch16_224", depth=12, img_size=32)
    scales = {
        id(weight): group["lr_scale"] for group in optimiser_groups(network, 0.05, 0.75) for weight in group["params"]
    }
    assert scales[id(network.head.weight)] == 1.0
    assert scales[id(network.blocks[11].mlp.fc1.weight)] == pytest.approx(0.75)
    assert scales[id(network.patch_embed.proj.weight)] == pytest.approx(0.75**13)  # MAE's lr_decay, 12 blocks
    assert len(scales) == len(list(network.parameters()))


@pytest.mark.parametrize("name", NETWORKS)
def test_stochastic_depth_drops_branches_in_training_alone(name: str) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # timm lets branches of a fresh ResNet begin at zero
    images = torch.rand(8, 3, 160, 160)
    plain = network.eval()(images)
    stochastic_depth(network, 0.9)
    assert torch.equal(network.eval()(images), plain)
    rates = [module.drop_prob for module in network.modules() if isinstance(module, DropPath)]
    assert rates == sorted(rates) and rates[-1] == 0.9
    freeze_statistics(network)
    assert not torch.allclose(network(images), plain, rtol=1e-3)
    stochastic_depth(network, 0.0)
    assert torch.allclose(network(images), plain, atol=1e-5)


def test_what_is_trained_alone_leaves_statistics_as_they_are() -> None:
    network = timm.create_model("test_resnet")
    train_only(network, {"fc.weight"})
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network(torch.rand(4, 3, 64, 64)).sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is not None] == ["fc.weight"]
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
