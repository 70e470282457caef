"""Where modules are inserted into transformer blocks: by the formula, in every family, also in copies of a network."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bench.adapt.places import needs_blocks, needs_tokens, tokens, transformer_blocks

SMALL: dict[str, dict[str, Any]] = {
    "test_vit": {"img_size": 32},
    "beit_base_patch16_224": {"img_size": 32, "embed_dim": 32, "depth": 2, "num_heads": 2},
    "eva02_tiny_patch14_224": {"img_size": 28, "embed_dim": 48, "depth": 2, "num_heads": 2},
    "swin_tiny_patch4_window7_224": {"img_size": 32, "window_size": 4, "embed_dim": 16, "depths": (2, 2),
                                     "num_heads": (2, 2)},
}  # fmt: skip


def block_of(name: str) -> tuple[Any, Tensor, dict[str, Any]]:
    """A network's last block in eval mode, an input for it, and what else its forward pass is handed."""
    torch.manual_seed(0)
    network = timm.create_model(name, **SMALL[name]).eval()
    side = SMALL[name]["img_size"]
    seen: dict[str, Any] = {}

    def see(_block: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        seen.update(x=inputs[0], named=named)

    block = transformer_blocks(network)[-1]
    handle = block.module.register_forward_pre_hook(see, with_kwargs=True)
    with torch.no_grad():
        network(torch.rand(2, 3, side, side))
    handle.remove()
    return block, seen["x"], seen["named"]


@pytest.mark.parametrize("name", SMALL)
def test_a_module_is_where_the_formula_says(name: str) -> None:
    block, x, named = block_of(name)
    plain = block.module(x, **named)
    mlp = block.mlp
    width = mlp.width
    middle = plain - _branch(block, plain, x, named)  # x after the branch of attention
    down = nn.Linear(width, width)
    normed = block.module.norm2(middle)

    def gap(place: str) -> Tensor:
        copy = deepcopy(block)
        where, module = copy.mlp, deepcopy(down)
        if place in ("beside", "beside_normed"):
            where.beside("added", module, normed=place == "beside_normed")
        else:
            getattr(where, place)("added", module)
        assert "added.weight" in copy.module.state_dict()
        return copy.module(x, **named) - middle

    def inner(tokens: Tensor) -> Tensor:
        return block.module.mlp(tokens) if not hasattr(block.module, "ls2") else block.module.ls2(
            block.module.mlp(tokens)
        )  # fmt: skip

    gamma = getattr(block.module, "gamma_2", None)
    scale = 1.0 if gamma is None else gamma
    base = scale * inner(normed)
    expected = {
        "beside": base + down(middle),
        "beside_normed": base + down(normed),
        "before": scale * inner(down(normed)),
        "behind": down(base),
    }
    for place, value in expected.items():
        assert torch.allclose(gap(place), value.reshape(x.shape), atol=1e-5), place


def _branch(block: Any, plain: Tensor, x: Tensor, named: dict[str, Any]) -> Tensor:
    """What the MLP's branch adds, as the block's own stochastic depth hands it on."""
    seen: list[Tensor] = []
    handle = block.module.drop_path2.register_forward_hook(lambda _end, _inputs, output: seen.append(output))
    block.module(x, **named)
    handle.remove()
    return seen[0].reshape(plain.shape)


def test_a_copy_works_with_modules_of_its_own() -> None:
    network = timm.create_model("test_vit", img_size=32).eval()
    for block in transformer_blocks(network):
        block.attention.beside("added", nn.Linear(block.attention.width, block.attention.width), normed=True)
    images = torch.rand(2, 3, 32, 32)
    before, copy = network(images), deepcopy(network)
    for block in transformer_blocks(copy):
        nn.init.zeros_(block.module.added.weight)
        nn.init.zeros_(block.module.added.bias)
    assert torch.equal(network(images), before)
    assert not torch.allclose(copy(images), before)


def test_a_block_may_be_computed_a_second_time() -> None:
    network = timm.create_model("test_vit", img_size=32)
    (block, *_) = transformer_blocks(network)
    block.mlp.beside("added", nn.Linear(block.mlp.width, block.mlp.width), normed=False)
    x = torch.rand(2, 5, block.mlp.width, requires_grad=True)
    (plain,) = torch.autograd.grad(block.module(x).square().sum(), x)
    again: Any = checkpoint(block.module, x, use_reentrant=False)
    (recomputed,) = torch.autograd.grad(again.square().sum(), x)
    assert torch.allclose(plain, recomputed)


def test_other_networks_are_refused() -> None:
    resnet = timm.create_model("test_resnet")
    assert needs_blocks(resnet, "adaptformer") == (
        "adaptformer needs the pre-norm blocks of a transformer, which ResNet has not"
    )
    after = timm.create_model("swinv2_tiny_window8_256", img_size=64, embed_dim=12, depths=(1,), num_heads=(1,))
    assert needs_blocks(after, "adaptformer") is not None
    swin = timm.create_model("swin_tiny_patch4_window7_224", **SMALL["swin_tiny_patch4_window7_224"])
    assert needs_blocks(swin, "adaptformer") is None
    assert needs_tokens(swin, "vpt_deep") == ("vpt_deep needs the tokens of a plain ViT, which SwinTransformer has not")
    vit = timm.create_model("test_vit", img_size=32)
    assert needs_tokens(vit, "vpt_deep") is None
    assert (tokens(vit).prefix, tokens(vit).rows, tokens(vit).columns) == (1, 2, 2)
