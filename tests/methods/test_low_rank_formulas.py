"""Low-rank methods against their formulas, written out in float64: a network's output and all gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from bench.backbone.network import TimmBackbone
from bench.registry import METHODS
from bench.spec import BackboneSpec

WIDTH, BLOCKS, HEADS = 24, 4, 3
LAYERS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
CHUNKS = {
    "attn.qkv": (0, 3, 1),
    "attn.proj": (3, 1, 1),
    "mlp.fc1": (4, 4, 1),
    "mlp.fc2": (8, 1, 4),
}  # first core, out, in
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
LABELS = ["lora", "dora", "hra", "fact", "fact:form=tk", "dtl"]


def backbone() -> TimmBackbone:
    torch.manual_seed(0)
    arguments = {"embed_dim": WIDTH, "depth": BLOCKS, "num_heads": HEADS, "patch_size": 8, "img_size": 16}
    module = timm.create_model("vit_tiny_patch16_224", **arguments)
    return TimmBackbone(BackboneSpec("vit_tiny_patch16_224", args=arguments), module, torch.device("cpu"))


def low_rank(weights: Any, block: int, name: str, x: Tensor, layer: nn.Linear) -> Tensor:
    a, b = (weights[f"blocks.{block}.{name}.lora_{one}.default.weight"] for one in "AB")
    return x @ layer.weight.T + layer.bias + (x @ a.T) @ b.T


def magnitudes(weights: Any, block: int, name: str, x: Tensor, layer: nn.Linear) -> Tensor:
    stem = f"blocks.{block}.{name}.lora_"
    direction = layer.weight + weights[f"{stem}B.default.weight"] @ weights[f"{stem}A.default.weight"]
    norm = direction.pow(2).sum(1, keepdim=True).sqrt().detach()
    magnitude = weights[f"{stem}magnitude_vector.default.weight"][:, None]
    return x @ (magnitude * direction / norm).T + layer.bias


def reflected(weights: Any, block: int, name: str, x: Tensor, layer: Any) -> Tensor:
    turned = layer.parametrizations.weight.original
    for u in weights[f"blocks.{block}.{name}.parametrizations.weight.0.u"].T:
        turned = turned @ (torch.eye(len(u), dtype=u.dtype) - 2 * torch.outer(u, u) / (u @ u))
    answer: Tensor = x @ turned.T + layer.bias
    return answer


def factored(weights: Any, block: int, name: str, x: Tensor, layer: nn.Linear) -> Tensor:
    """Each chunk of a layer's inputs to each chunk of its outputs by U, its core and V."""
    if "fact.cores" in weights:
        cores = weights["fact.cores"][block]
    else:
        places = weights["fact.places"].reshape(BLOCKS, 12, -1)[block]
        cores = torch.einsum("ij,jkl->ikl", places, weights["fact.core"])
    u, v, (first, outputs, inputs) = weights["fact.u"], weights["fact.v"], CHUNKS[name]
    chunks = []
    for out in range(outputs):
        read = [x[..., i * WIDTH : (i + 1) * WIDTH] @ u.T @ cores[first + out + i].T for i in range(inputs)]
        chunks.append(sum(read[1:], read[0]) @ v.T)
    return x @ layer.weight.T + layer.bias + torch.cat(chunks, -1)


def plain(_weights: Any, _block: int, _name: str, x: Tensor, layer: nn.Linear) -> Tensor:
    return x @ layer.weight.T + layer.bias


def normed(x: Tensor, norm: Any) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    answer: Tensor = centred / (centred.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias
    return answer


def forward(network: Any, images: Tensor, weights: Any, layer_of: Any, side: bool) -> Tensor:
    """The class token of the whole vision transformer by its formula, with what a method does to each layer."""
    x = network._pos_embed(network.patch_embed(images))
    total = torch.zeros_like(x)
    for number, block in enumerate(network.blocks):
        layer = {name: partial(layer_of, weights, number, name, layer=block.get_submodule(name)) for name in LAYERS}
        if side:
            total = total + x @ weights["dtl.down"][number].T @ weights["dtl.up"][number].T
        qkv = layer["attn.qkv"](normed(x, block.norm1))
        q, k, v = qkv.reshape(*x.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v
        x = x + layer["attn.proj"](mixed.transpose(1, 2).reshape(x.shape))
        hidden = layer["mlp.fc1"](normed(x, block.norm2))
        x = x + layer["mlp.fc2"](hidden * (1 + torch.erf(hidden / 2**0.5)) / 2)
        if side and number >= BLOCKS // 2:
            x = x + total / (1 + torch.exp(-100 * total))
    return normed(x, network.norm)[:, 0]


FORMULAS = {"lora": low_rank, "dora": magnitudes, "hra": reflected, "fact": factored, "dtl": plain}


@pytest.mark.parametrize("label", LABELS)
def test_scores_and_gradients_are_those_of_the_formula(label: str) -> None:
    make: Any = METHODS.select([label])[label]
    method = make(drop_path=0.0, **({"dropout": 0.0} if hasattr(make(), "dropout") else {}))
    torch.manual_seed(1)
    wrapped = method.network(backbone(), 2).double()
    network = wrapped.base_model.model if label in ("lora", "dora") else wrapped
    weights = {name: one for name, one in network.named_parameters() if one.requires_grad and "head" not in name}
    with torch.no_grad():
        for weight in weights.values():
            weight += 0.1 * torch.randn_like(weight)
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    formula = FORMULAS[label.partition(":")[0]]
    theirs = forward(network, images, weights, formula, label == "dtl")
    ours = network.forward_head(network.forward_features(images), pre_logits=True)
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-8)
    gradients = [torch.autograd.grad(scores.pow(3).sum(), list(weights.values())) for scores in (ours, theirs)]
    for name, one, other in zip(weights, *gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-8), name
        assert one.abs().max() > 1e-6, name


def test_no_gradient_enters_the_first_half_of_the_blocks_under_dtl() -> None:
    network: Any = METHODS.select(["dtl"])["dtl"]().network(backbone(), 2)  # type: ignore[attr-defined]
    seen: list[bool] = []
    for block in network.blocks:
        block.register_forward_hook(lambda _block, inputs, _output: seen.append(inputs[0].requires_grad))
    network(torch.rand(2, 3, 16, 16)).sum().backward()
    assert seen == [False] * (BLOCKS // 2 + 1) + [True] * (BLOCKS // 2 - 1)
