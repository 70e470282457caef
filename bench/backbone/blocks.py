"""The blocks of a timm network: the pieces, one after the other, in which it can be compiled or computed again."""

from __future__ import annotations

from torch import nn

CONTAINERS = (nn.Sequential, nn.ModuleList)


def blocks(network: nn.Module) -> list[nn.Module]:
    """The outermost modules with parts and weights of their own, once lists of modules are opened; of timm's networks.

    Residual blocks of a ResNet, inverted residuals of a MobileNet, blocks of a ViT, stages of a ConvNeXt. There are
    none of a network that is not timm's: what reads it from outside may need what is inside a block.
    """
    if not hasattr(network, "get_classifier"):
        return []
    found: list[nn.Module] = []
    waiting = list(network.children())
    while waiting:
        module = waiting.pop(0)
        parts = list(module.children())
        if isinstance(module, CONTAINERS):
            waiting[:0] = parts
        elif parts and any(True for _ in module.parameters()):
            found.append(module)
    return found
