"""Which layers of which networks have updates added, and which networks are refused."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from bench.backbone.projections import projections, separate_biases, standardised, unsuitable
from bench.backbone.taps import head
from bench.spec import UserError

QKV, PROJ, MLP = ["attn.qkv"], ["attn.proj"], ["mlp.fc1", "mlp.fc2"]


@pytest.mark.parametrize(("targets", "parts"), [("qkv", QKV), ("attention", QKV + PROJ), ("all", QKV + PROJ + MLP)])
def test_layers_of_a_transformer_are_its_projections(targets: str, parts: list[str]) -> None:
    network = timm.create_model("vit_tiny_patch16_224", depth=2)
    assert list(projections(network, targets)) == [f"blocks.{i}.{part}" for i in (0, 1) for part in parts]


def test_queries_and_kin_have_several_names() -> None:
    with torch.device("meta"):
        apart = projections(timm.create_model("eva02_base_patch14_224", depth=1), "qkv")
        levit = projections(timm.create_model("pvt_v2_b0"), "qkv")
    assert [name.rpartition(".")[2] for name in apart] == ["q_proj", "k_proj", "v_proj"]
    assert {name.rpartition(".")[2] for name in levit} == {"q", "kv"}


@pytest.mark.parametrize("targets", ["qkv", "all"])
def test_layers_of_a_cnn_are_its_convolutions_without_depthwise_and_narrow_ones(targets: str) -> None:
    network = timm.create_model("mobilenetv3_small_050")
    found = projections(network, targets)
    assert "conv_stem" in found and "classifier" not in found
    assert all(isinstance(layer, nn.Conv2d) and layer.groups == 1 for layer in found.values())
    wide = projections(network, targets, width=32)
    assert 0 < len(wide) < len(found)
    assert all(min(layer.weight.flatten(1).shape) >= 32 for layer in wide.values())  # type: ignore[operator,union-attr]


def test_of_a_convnext_the_mlps_are_adapted_too() -> None:
    with torch.device("meta"):
        network = timm.create_model("convnext_tiny")
    assert "stages.0.blocks.0.mlp.fc1" in projections(network, "all") and "stem.0" in projections(network, "all")
    assert all(isinstance(one, nn.Linear) for one in projections(network, "all", linear_only=True).values())


@pytest.mark.parametrize(
    ("name", "width", "linear_only", "said"),
    [
        (
            "vit_tiny_patch16_224",
            200,
            False,
            "no layer of VisionTransformer is as wide as the rank 200; .* at most 192",
        ),
        ("deit_tiny_distilled_patch16_224", 1, False, "VisionTransformerDistilled has several heads"),
        ("crossvit_9_240", 1, False, "CrossVit has several heads"),
        ("resnet18", 1, True, "ResNet has no linear layer to be adapted"),
    ],
)
def test_a_network_that_cannot_be_adapted_is_told(name: str, width: int, linear_only: bool, said: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    with pytest.raises(UserError, match=said):
        raise UserError(unsuitable(network, "all", width, linear_only))


@pytest.mark.parametrize("name", ["resnetv2_50x1_bit", "nf_regnet_b0"])
def test_standardised_weights_are_refused(name: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    assert "standardises its weights" in str(standardised(network, "all"))
    assert standardised(timm.create_model("test_resnet"), "all") is None


def test_a_hybrid_with_standardised_convolutions_is_adapted_in_its_transformer() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_tiny_r_s16_p8_224")
    assert standardised(network, "all") is None and unsuitable(network, "all") is None


@pytest.mark.parametrize("name", ["beit_base_patch16_224", "eva02_tiny_patch14_224", "swinv2_tiny_window8_256"])
def test_scores_stay_when_biases_are_added_apart(name: str) -> None:
    torch.manual_seed(0)
    small = {"embed_dim": 24, "depths": (1, 1), "num_heads": (2, 4), "window_size": 4, "img_size": 64}
    arguments = small if name.startswith("swin") else {"embed_dim": 48, "depth": 2, "num_heads": 3, "img_size": 28}
    network = timm.create_model(name, **arguments, **({} if name.startswith("swin") else {"patch_size": 14})).eval()
    for weight in network.parameters():  # as pretrained: no bias is zero, and no norm shuts its block
        nn.init.normal_(weight, 0.0, 0.2)
    images = torch.rand(2, 3, *[64 if name.startswith("swin") else 28] * 2)
    with torch.no_grad():
        before = network(images)
        separate_biases(network)
        assert torch.allclose(network(images), before, rtol=1e-5, atol=1e-6)
        calls: list[str] = []
        for key, layer in projections(network, "qkv").items():
            layer.register_forward_hook(lambda _layer, _inputs, _output, key=key: calls.append(key))
        network(images)
    assert calls == list(projections(network, "qkv"))


def test_a_head_is_one_module() -> None:
    with pytest.raises(UserError, match="several heads"):
        head(timm.create_model("crossvit_9_240"))
