"""Visual query tuning: the formula in float64, forward and gradient, its counts, and what stays as it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.queries import insert
from bench.backbone.taps import EMBEDDING, listen
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.spec import UserError
from methods.vqt import VQT
from tests.small import CPU, network_of, split


def asked(block: Any, p: Tensor, x: Tensor) -> Tensor:
    """The block on [p; x] with attention whose keys and values are those of x alone, as the authors compute it."""
    attn, whole, count = block.attn, torch.cat([p.expand(len(x), -1, -1), x], dim=1), len(p)
    q, k, v = (
        part.unflatten(2, (attn.num_heads, -1)).transpose(1, 2) for part in attn.qkv(block.norm1(whole)).chunk(3, dim=2)
    )
    k, v = k[:, :, count:], v[:, :, count:]
    weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
    whole = whole + attn.proj((weights @ v).transpose(1, 2).flatten(2))
    both: Tensor = whole + block.mlp(block.norm2(whole))
    return both


def reference(network: Any, plain: Any, inputs: Tensor) -> Tensor:
    """Scores block by block; `plain` is the network without queries, `network` has their tokens and the head."""
    x, parts = plain._pos_embed(plain.patch_embed(inputs)), []
    for block, added in zip(plain.blocks, network.blocks, strict=True):
        p = added.queries.tokens
        both = asked(block, p, x)
        parts.append(both[:, : len(p)].flatten(1))
        x = both[:, len(p) :]
    features = [functional.normalize(part) for part in (plain.norm(x)[:, 0], *parts)]
    scores: Tensor = functional.linear(torch.cat(features, dim=1), network.head.weight, network.head.bias)
    return scores


def test_it_is_the_authors_formula_forward_and_backward() -> None:
    torch.manual_seed(0)
    plain = timm.create_model("test_vit", img_size=32, num_classes=4).double().eval()
    network = deepcopy(plain)
    insert(network, 3, 0.1)
    network = deepcopy(network).double().eval()  # so that the hooks of a copy are seen to be its own
    inputs, weigh = torch.randn(2, 3, 32, 32, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    ours, theirs = network(inputs), reference(network, plain, inputs)
    assert torch.allclose(ours, theirs, atol=1e-8)
    trained = [network.head.weight, *(block.queries.tokens for block in network.blocks)]
    gradients = [torch.autograd.grad((scores * weigh).sum(), trained) for scores in (ours, theirs)]
    assert all(torch.allclose(*pair, atol=1e-8) for pair in zip(*gradients, strict=True))
    assert all(gradient.abs().max() > 0 for gradient in gradients[0])


@pytest.mark.parametrize(("count", "trained"), [(1, 9_216), (10, 92_160), (20, 184_320)])
def test_counts_on_vit_b(count: int, trained: int) -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_base_patch16_224", num_classes=10)
        insert(network, count, 0.1)
    assert sum(weight.numel() for name, weight in network.named_parameters() if ".queries." in name) == trained
    assert network.head.in_features == 768 + trained


def test_the_network_computes_what_it_does_without_queries() -> None:
    backbone, train = network_of("test_vit"), split()
    network = VQT().network(backbone, train.classes).eval()
    inputs, seen = backbone.inputs(pixels(train.images, 32)), []
    for one in (network, backbone.module):
        with torch.no_grad(), listen(one, [EMBEDDING], lambda _name, value: seen.append(value)):
            one(inputs)
    assert torch.allclose(*seen, atol=1e-6)


def test_it_learns_and_what_is_kept_gives_the_same_scores() -> None:
    backbone, train, meter = network_of("test_vit"), split(), Meter(CPU)
    torch.manual_seed(0)
    adapted = VQT(epochs=8, queries=2, batch=20).fit(backbone, train, meter)
    images = pixels(train.images, 32)
    restored = VQT(queries=2).restore(backbone, adapted.stored(), train.classes)
    assert torch.allclose(restored.logits(images), adapted.logits(images), atol=1e-6)
    assert set(adapted.stored()) == {"head.weight", "head.bias", *(f"blocks.{at}.queries.tokens" for at in range(6))}
    losses = [value for _, value in meter.curves["loss"]]
    assert losses[-1] < 0.9 * losses[0]


def test_what_has_no_place_is_refused() -> None:
    assert VQT().refusal(network_of("test_vit").module) is None
    assert "ResNet" in str(VQT().refusal(network_of("test_resnet").module))
    for wrong in ({"queries": 0}, {"head": "probe"}):
        with pytest.raises(UserError):
            VQT(**wrong)  # type: ignore[arg-type]
