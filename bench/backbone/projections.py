"""Which layers of a timm network may have an update added to their weights, and what keeps a network from it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from bench.backbone.taps import head
from bench.spec import UserError

QKV = frozenset({"qkv", "kv", "qk", "q", "k", "v", "q_proj", "k_proj", "v_proj"})  # names of what gives queries and kin


def projections(network: nn.Module, targets: str, width: int = 1, linear_only: bool = False) -> dict[str, nn.Module]:
    """The layers that are adapted, by their full names.

    A network with attention: its linear layers of attention and MLP; `targets` says which, "qkv", "attention" or "all".
    Any other: its convolutions and the linear layers of its MLPs, whatever `targets` says. Left out are depthwise
    convolutions and layers with fewer inputs or outputs than `width`, whose weights are of low rank already, and
    dilated ones and those that pad by the size of the image, which peft computes otherwise.
    """
    head(network)  # raises where there are several
    linear = _linear(network)
    if any(_parts(name, "attn") for name in linear):
        found = {name: one for name, one in linear.items() if _is_target(name, targets)}
    else:
        found = linear if linear_only else _convolutions(network) | linear
    return {name: one for name, one in found.items() if narrowest(one) >= width}


def unsuitable(network: nn.Module, targets: str, width: int = 1, linear_only: bool = False) -> str | None:
    """Why no layer of a network can be adapted, in a clause; None where one can be."""
    kind = type(network).__name__
    try:
        found = projections(network, targets, 1, linear_only)
    except UserError as error:  # of several heads
        return str(error)
    if not found:
        return f"{kind} has no {'linear layer' if linear_only else 'convolution and no linear layer'} to be adapted"
    if (widest := max(map(narrowest, found.values()))) < width:
        return f"no layer of {kind} is as wide as the rank {width}; choose one of at most {widest}"
    return None


def standardised(network: nn.Module, targets: str) -> str | None:
    """Why updates that peft adds beside a layer would not start small, in a clause; None where they would.

    peft makes its factors layers of the same kind, which would standardise them too, however small they are.
    """
    kinds = {type(one).__name__ for one in projections(network, targets).values() if hasattr(one, "eps")}
    if kinds:
        return f"{type(network).__name__} standardises its weights ({kinds.pop()}), so that no update starts small"
    return None


def separate_biases(network: nn.Module) -> None:
    """Lets attention call its layer `qkv`, and add the biases after it.

    BEiT, EVA and Swin V2 read the layer's weight instead, and what is added to the layer would never be computed.
    Scores change by rounding alone.
    """
    for module in network.modules():
        if hasattr(module, "qkv_bias_separate"):
            module.qkv_bias_separate = True  # type: ignore[assignment]


def narrowest(layer: Any) -> int:
    """The smaller of the numbers of outputs and of inputs of a layer; a convolution reads a patch."""
    shape: Sequence[int] = layer.weight.shape
    return min(shape[0], prod(shape[1:]))


def _parts(name: str, *prefixes: str) -> bool:
    return any(part.startswith(prefixes) for part in name.split("."))


def _is_target(name: str, targets: str) -> bool:
    if targets == "all":
        return True
    in_attention = _parts(name, "attn") and not _parts(name, "mlp")
    return in_attention and (targets == "attention" or not QKV.isdisjoint(name.split(".")))


def _linear(network: nn.Module) -> dict[str, nn.Module]:
    found = {name: one for name, one in network.named_modules() if isinstance(one, nn.Linear)}
    return {name: one for name, one in found.items() if _parts(name, "attn", "mlp") and one is not head(network)}


def _convolutions(network: nn.Module) -> dict[str, nn.Module]:
    classifier = head(network)
    return {
        name: one
        for name, one in network.named_modules()
        if isinstance(one, nn.Conv2d) and one.groups == 1 and one.dilation == (1, 1) and one is not classifier
        if type(one) is nn.Conv2d or hasattr(one, "eps")  # eps: of the weights' standardisation, which is refused
    }
