"""Taps: the places in a network, CNN or transformer, whose activations Head2Toe may use, found by rule.

The rule follows Head2Toe's choice for ResNet-50 and ViT-B/16 (Evci et al. 2022, official code):
- in a convolutional network, the result of every normalised and activated convolution, without the gates of
  squeeze-and-excitation; the stem is read after its max pooling;
- in a transformer block, the normalised input of attention, its output, the MLP's hidden activations and its output;
- the patch embedding before and after the position embedding, the last map before pooling, the pooled embedding, and
  the pretrained logits where the network has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bench.spec import Tap, UserError

EMBEDDING = "embedding"  # the input of the classifier
LOGITS = "logits"  # its output
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
TOKEN_PARTS = ("norm1", "attn", "mlp.act", "mlp.fc2")


def find_taps(network: nn.Module, image_size: int) -> list[Tap]:
    """All taps of a timm network in the order in which it computes them."""
    wanted = _places(network)
    seen: dict[str, tuple[int, ...]] = {}
    device = next(network.parameters()).device
    with torch.no_grad(), listen(network, wanted, lambda name, value: seen.setdefault(name, tuple(value.shape))):
        network(torch.zeros(2, 3, image_size, image_size, device=device))
    channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    return [Tap(name, _layout(shape, channels_last), shape[1:]) for name, shape in seen.items() if _usable(shape)]


@contextmanager
def listen(network: nn.Module, names: list[str], receive: Callable[[str, Tensor], Any]) -> Iterator[None]:
    """Hands the output of the named modules to `receive(name, output)` in each forward pass."""
    modules = dict(network.named_modules())
    classifier = head(network)

    def output_of(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            receive(name, output.flatten(1) if name == LOGITS else output)

        return hook

    def classifier_input(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        receive(EMBEDDING, inputs[0].flatten(1))

    handles = [
        (classifier if name == LOGITS else modules[name]).register_forward_hook(output_of(name))
        for name in names
        if name != EMBEDDING
    ]
    if EMBEDDING in names:
        handles.append(classifier.register_forward_pre_hook(classifier_input))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def head(network: Any) -> nn.Module:
    """The classifier of a timm network; nn.Identity where it has none. Raises UserError where it has several."""
    classifier = network.get_classifier()
    if not isinstance(classifier, nn.Module) or isinstance(classifier, nn.ModuleList):
        raise UserError(f"{type(network).__name__} has several heads; choose a CNN or ViT of timm with a single one")
    return classifier


def _places(network: nn.Module) -> list[str]:
    """Names of the modules that the rule selects, then the embedding and the logits."""
    modules = {name: module for name, module in network.named_modules() if name}
    names = [name for name in modules if _is_token_part(name, modules) or _is_convolution_result(name, modules)]
    order = list(modules)
    for name, module in modules.items():
        stem = [place for place in names if order.index(place) < order.index(name)]
        if isinstance(module, nn.MaxPool2d) and "." not in name and stem:
            names[names.index(stem[-1])] = name  # the stem is read after its pooling
    names += [name for name in ("patch_embed", "norm_pre", "norm") if name in modules and "blocks" in modules]
    names += _last_map(network, names)
    has_logits = not isinstance(head(network), nn.Identity)
    return [*dict.fromkeys(names), EMBEDDING, *([LOGITS] if has_logits else [])]


def _is_token_part(name: str, modules: dict[str, nn.Module]) -> bool:
    """Whether it is one of the four parts of a block that has an MLP: norm, attention, hidden and output of the MLP."""
    part = next((part for part in TOKEN_PARTS if name.endswith("." + part)), None)
    if part is None:
        return False
    block = name[: -len(part) - 1]
    return f"{block}.mlp.act" in modules


def _is_convolution_result(name: str, modules: dict[str, nn.Module]) -> bool:
    """Whether it ends a convolution: a normalisation with its activation, or an activation that stands alone."""
    module = modules[name]
    parent = modules.get(name.rpartition(".")[0])
    path = name.split(".")
    if "mlp" in path or any(part in ("se", "attn", "attn_last", "gate") for part in path):
        return False
    if isinstance(module, NORMS):
        return hasattr(module, "act")
    inside_norm = isinstance(parent, NORMS)
    return (
        type(module).__module__.startswith(("torch.nn.modules.activation", "timm.layers.activations"))
        and not inside_norm
    )


def _last_map(network: nn.Module, names: list[str]) -> list[str]:
    """The top-level module that yields the last map before pooling, unless it is a tap already."""
    heads = {"global_pool", "fc", "head", "classifier", "fc_norm", "head_drop", "attn_pool", "flatten", "conv_head"}
    children = [name for name, module in network.named_children() if name not in heads and not _is_empty(module)]
    return [name for name in children[-1:] if name not in names and "norm" not in names]


def _is_empty(module: nn.Module) -> bool:
    return isinstance(module, nn.Identity) or not any(True for _ in module.parameters())


def _usable(shape: tuple[int, ...]) -> bool:
    """Two examples went in: windows folded into the batch, or anything that is no activation map, is left out."""
    return shape[0] == 2 and 2 <= len(shape) <= 4


def _layout(shape: tuple[int, ...], channels_last: bool) -> str:
    if len(shape) < 4:
        return {2: "vector", 3: "tokens"}[len(shape)]
    _, first, middle, last = shape
    if (first == middle) == (middle == last):  # not told apart by which two sides are alike
        return "nhwc" if channels_last else "nchw"
    return "nhwc" if first == middle else "nchw"
