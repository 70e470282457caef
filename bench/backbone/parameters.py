"""What of a network is trained, and how: optimiser groups, stochastic depth, and statistics that stay as they are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from timm.layers import DropPath
from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

SLOTS = ("drop_path", "drop_path1", "drop_path2")  # what timm's blocks call the places of stochastic depth


def optimiser_groups(network: nn.Module, weight_decay: float, layer_decay: float = 1.0) -> list[dict[str, Any]]:
    """The parameters that require gradients, in groups for an optimiser, by timm's rules.

    Weight decay is for matrices and kernels that the network does not exempt by name, such as position embeddings. With
    a layer decay below 1, the `lr_scale` of a group is that decay to the power of its depth below the head.
    """
    exempt = no_weight_decay(network)
    if layer_decay == 1.0:
        plain: list[dict[str, Any]] = param_groups_weight_decay(network, weight_decay, no_weight_decay_list=exempt)
        return plain
    scaled: list[dict[str, Any]] = param_groups_layer_decay(
        network, weight_decay, no_weight_decay_list=exempt, layer_decay=layer_decay
    )
    return scaled


def no_weight_decay(network: nn.Module) -> set[str]:
    """Names of the parameters that the network, or a timm network inside of it, exempts from weight decay."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if callable(exempt := getattr(module, "no_weight_decay", None))
        for name in exempt()
    }


def stochastic_depth(network: nn.Module, rate: float) -> None:
    """Lets residual branches be dropped in training, more often with depth up to `rate`, as timm's `drop_path_rate`.

    Source: Huang et al. 2016, section 3; the rate rises linearly from 0 over the blocks. What modules inserted into the
    network do depends on these places, so it comes before them.
    """
    places = [block for block in network.modules() if any(hasattr(block, slot) for slot in SLOTS)]
    for number, block in enumerate(places):
        own = rate * number / max(1, len(places) - 1)
        for slot in SLOTS:
            if hasattr(block, slot) and isinstance(getattr(block, slot), (nn.Identity, DropPath, type(None))):
                setattr(block, slot, DropPath(own) if own else nn.Identity())


def drop_path(rate: float) -> nn.Module:
    """timm's module of stochastic depth, for an inserted module of its own."""
    module: nn.Module = DropPath(rate)
    return module


def freeze_statistics(network: nn.Module) -> nn.Module:
    """The network in train mode, but for batch norm, which keeps to the statistics of pretraining."""
    network.train()
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    return network


def train_only(network: nn.Module, names: Collection[str]) -> nn.Module:
    """The network with gradients for the parameters of these names alone, and frozen statistics."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)
    return freeze_statistics(network)
