"""Adapters and prompts: exact numbers of parameters, what they change at first, and the formulas in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.adapt.places import transformer_blocks
from bench.backbone.network import TimmBackbone
from bench.registry import METHODS
from bench.spec import BackboneSpec

CPU = torch.device("cpu")


@lru_cache(maxsize=2)
def backbone(name: str, size: int = 224) -> TimmBackbone:
    """A network of timm's with random weights, at a size in pixels."""
    torch.manual_seed(0)
    module = timm.create_model(name, img_size=size)
    return TimmBackbone(BackboneSpec(name, image_size=size), module, CPU)


def made(label: str) -> Any:
    return METHODS.select([label])[label]()


def network_of(method: Any, size: int = 32, name: str = "test_vit") -> Any:
    torch.manual_seed(1)
    return method.network(backbone(name, size), 3)


# On ViT-B/16 without the head, by the formulas of the papers: d = 768, 12 blocks, h hidden numbers, p prompts.
COUNTS = {
    "adaptformer": 156_768, "adaptformer:hidden=64": 1_189_632, "adapter": 313_536,
    "adapter:form=pfeiffer": 156_768, "adapter_plus": 165_984, "convpass": 327_552, "rep_adapter": 239_808,
    "ssf": 205_824, "vpt_deep": 92_160, "vpt_deep:prompts=50": 460_800, "vpt_shallow": 38_400,
}  # fmt: skip


@pytest.mark.parametrize("label", COUNTS)
def test_what_is_trained_has_the_published_size(label: str) -> None:
    method = made(label)
    network = method.network(backbone("vit_base_patch16_224"), 10)
    own = method.of_head(network)
    trained = sum(w.numel() for name, w in network.named_parameters() if w.requires_grad and name not in own)
    assert trained == COUNTS[label]
    assert method.kept(network).keys() == {name for name, w in network.named_parameters() if w.requires_grad}


IDENTICAL = ["adaptformer", "adapter", "adapter:form=pfeiffer", "convpass", "rep_adapter"]


@pytest.mark.parametrize("label", [*IDENTICAL, "adapter_plus", "ssf", "vpt_deep", "vpt_shallow"])
def test_what_starts_as_the_pretrained_network(label: str) -> None:
    images = torch.rand(2, 3, 32, 32)
    network = network_of(made(label)).eval()
    plain = backbone("test_vit", 32).module
    moved = (network.forward_features(images) - plain.forward_features(images)).abs().max().item()  # type: ignore[operator]
    assert moved < 1e-6 if label in IDENTICAL else 1e-5 < moved < 10


def stirred(network: nn.Module) -> nn.Module:
    """The network with everything that is trained at random, so that nothing is zero."""
    torch.manual_seed(2)
    for weight in network.parameters():
        if weight.requires_grad:
            nn.init.normal_(weight, std=0.2)
    return network


@pytest.mark.parametrize("label", ["rep_adapter", "ssf"])
def test_what_folds_is_a_plain_network_with_the_same_scores(label: str) -> None:
    method = made(label)
    network = stirred(network_of(method)).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        scores = network(images)
        plain = method.merged(network)
        assert torch.allclose(plain(images), scores, atol=1e-5)
    assert plain.state_dict().keys() == backbone("test_vit", 32).network(3).state_dict().keys()
    fresh = backbone("test_vit", 32).network(3).eval()
    fresh.load_state_dict(plain.state_dict())
    assert torch.allclose(fresh(images), scores, atol=1e-5)


def quick(values: Tensor) -> Tensor:
    return values / (1 + torch.exp(-1.702 * values))


def linear(of: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    return values @ of[f"{name}.weight"].T + of[f"{name}.bias"]


def bottleneck(of: dict[str, Tensor], name: str, activation: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return linear(of, f"{name}.up", activation(linear(of, f"{name}.down", x)))


def convolved(of: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Convpass of a class token and 2 × 2 patches, with the convolution written as sums over neighbours."""
    hidden = quick(linear(of, f"{name}.down", x))
    kernel, bias = of[f"{name}.conv.weight"], of[f"{name}.conv.bias"]
    image = hidden[:, 1:].reshape(len(x), 2, 2, -1)
    rows = [hidden[:, 0] @ kernel[:, :, 1, 1].T + bias]
    for row in range(2):
        for column in range(2):
            near = [image[:, r, c] @ kernel[:, :, r - row + 1, c - column + 1].T for r in range(2) for c in range(2)]
            rows.append(torch.stack(near).sum(0) + bias)
    return linear(of, f"{name}.up", quick(torch.stack(rows, dim=1)))


def reference(label: str, block: Any, of: dict[str, Tensor], x: Tensor) -> Tensor:
    """A block with what is inserted, by the formulas of the papers."""
    relu, gelu = functional.relu, functional.gelu
    n1, n2 = block.norm1, block.norm2
    if label == "adaptformer":
        x = x + block.attn(n1(x))
        return x + block.mlp(n2(x)) + 0.1 * bottleneck(of, "adaptformer", relu, x)
    if label.startswith("adapter") and label != "adapter_plus":
        y = block.attn(n1(x))
        x = x + (y + bottleneck(of, "adapter_attention.inner", gelu, y) if label == "adapter" else y)
        y = block.mlp(n2(x))
        return x + y + bottleneck(of, "adapter_mlp.inner", gelu, y)
    if label == "adapter_plus":
        x = x + block.attn(n1(x))
        x = x + block.mlp(n2(x))
        return x + of["adapter_plus.inner.scale"] * bottleneck(of, "adapter_plus.inner", gelu, x)
    if label == "convpass":
        x = x + block.attn(n1(x)) + convolved(of, "convpass_attention", n1(x))
        return x + block.mlp(n2(x)) + convolved(of, "convpass_mlp", n2(x))
    assert label == "rep_adapter"

    def rep(name: str, y: Tensor) -> Tensor:
        hidden, up = linear(of, f"{name}.down", y), of[f"{name}.up.weight"][:, :, 0]
        half, wide = hidden.shape[-1] // 2, y.shape[-1] // 2
        parts = [hidden[..., :half] @ up[:wide].T, hidden[..., half:] @ up[wide:].T]
        return y + torch.cat(parts, dim=-1) + of[f"{name}.up.bias"]

    x = x + block.attn(rep("rep_attention", n1(x)))
    return x + block.mlp(rep("rep_mlp", n2(x)))


@pytest.mark.parametrize("label", [*IDENTICAL, "adapter_plus"])
def test_a_block_and_its_gradient_are_those_of_the_formula(label: str) -> None:
    network = stirred(network_of(made(label))).eval().double()
    block = transformer_blocks(network)[0].module
    of = dict(block.named_parameters())
    plain: Any = transformer_blocks(backbone("test_vit", 32).network(3).eval().double())[0].module
    plain.load_state_dict({name: value for name, value in block.state_dict().items() if name in plain.state_dict()})
    x = torch.randn(2, 5, 64, dtype=torch.float64)
    ours, theirs = block(x), reference(label, plain, of, x)
    assert torch.allclose(ours, theirs, atol=1e-10)
    trained = [weight for weight in of.values() if weight.requires_grad]
    grads = torch.autograd.grad(ours.sin().sum(), trained)
    expected = torch.autograd.grad(theirs.sin().sum(), trained)
    assert all(torch.allclose(one, other, atol=1e-9) for one, other in zip(grads, expected, strict=True))


@pytest.mark.parametrize("label", ["vpt_deep", "vpt_shallow"])
def test_prompts_stand_behind_the_class_token_and_leave_before_the_norm(label: str) -> None:
    network = stirred(network_of(made(label))).eval().double()
    prompts = network.prompts.tokens
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    count = prompts.shape[1]
    plain: Any = backbone("test_vit", 32).network(3).eval().double()
    plain.load_state_dict({name: value for name, value in network.state_dict().items() if "prompts" not in name})
    x = plain.norm_pre(plain.patch_drop(plain._pos_embed(plain.patch_embed(images))))
    for number, block in enumerate(plain.blocks):
        if number == 0:
            x = torch.cat([x[:, :1], prompts[0].expand(2, -1, -1), x[:, 1:]], dim=1)
        elif label == "vpt_deep":
            x = torch.cat([x[:, :1], prompts[number].expand(2, -1, -1), x[:, 1 + count :]], dim=1)
        x = block(x)
    x = plain.norm(torch.cat([x[:, :1], x[:, 1 + count :]], dim=1))
    assert torch.allclose(network(images), plain.forward_head(x), atol=1e-10)


def test_drop_path_and_dropout_act_in_training() -> None:
    network = stirred(network_of(made("adaptformer:drop_path=0.5")))
    images = torch.rand(4, 3, 32, 32)
    assert not torch.allclose(network(images), network(images), rtol=1e-3)
    network.eval()
    assert torch.equal(network(images), network(images))


def test_each_image_loses_other_numbers_of_the_prompts() -> None:
    prompts = network_of(made("vpt_deep")).prompts
    same = torch.zeros(2, 5, 64)
    first, second = prompts.into(0, same)
    assert (first[1:11] == 0).any()
    assert not torch.equal(first, second)
    prompts.eval()
    assert torch.equal(*prompts.into(0, same))


@pytest.mark.parametrize("label", ["adapter_plus", "convpass", "vpt_deep"])
def test_recomputed_blocks_have_the_same_gradients(label: str) -> None:
    """As where memory runs out; what hooks put before, beside and behind a block is in it or around it."""
    network = stirred(network_of(made(label))).eval()
    images = torch.rand(2, 3, 32, 32)
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    plain = torch.autograd.grad(network(images).sin().sum(), trained)
    network.set_grad_checkpointing()
    again = torch.autograd.grad(network(images).sin().sum(), trained)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(plain, again, strict=True))


def test_ssf_folds_into_a_network_of_convolutions() -> None:
    torch.manual_seed(1)
    module = timm.create_model("test_convnext")
    convolutional = TimmBackbone(BackboneSpec("test_convnext", image_size=32), module, CPU)
    method = made("ssf")
    assert method.refusal(module) is None
    network = stirred(method.network(convolutional, 3)).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        scores = network(images)
        assert torch.allclose(method.merged(network)(images), scores, rtol=1e-4, atol=1e-4)
