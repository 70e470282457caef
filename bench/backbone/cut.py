"""A network cut in two: the part before a place, which stays frozen, and the part behind it, which is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.backbone.parameters import SLOTS
from bench.backbone.taps import EMBEDDING, listen

FEATURES_END = ("norm", "norm_pre", "final_conv", "bn2")  # what timm's networks have between their blocks and the head
CLOSE = 1e-4  # the largest difference, of the largest number, between a network and its two parts


class _Reached(Exception):
    """Ends a forward pass where the network is cut."""

    def __init__(self, activations: Tensor) -> None:
        self.activations = activations


@dataclass(frozen=True)
class Cut:
    """A place where a network of timm's is cut: before a module, or before its head where `place` is empty."""

    place: str

    def before(self, network: Any, inputs: Tensor) -> Tensor:
        """What the network hands on at this place, (batch, …), from normalised input (batch, 3, size, size)."""
        if not self.place:
            features: Tensor = network.forward_features(inputs)
            return features
        handle = network.get_submodule(self.place).register_forward_pre_hook(_stop)
        try:
            network(inputs)
        except _Reached as reached:
            return reached.activations
        finally:
            handle.remove()
        raise AssertionError(f"{self.place} takes no part in the network's forward pass")

    def after(self, network: Any, activations: Tensor) -> Tensor:
        """Scores (batch, classes) of what `before` gave."""
        for module in self.behind(network):
            activations = module(activations)
        scores: Tensor = network.forward_head(activations)
        return scores

    def behind(self, network: nn.Module) -> list[nn.Module]:
        """The modules behind the place and before the head, each of which takes what the one before it gives."""
        if not self.place:
            return []
        found = [network.get_submodule(self.place)]
        path = self.place.split(".")
        for depth in reversed(range(len(path))):
            names = dict(network.get_submodule(".".join(path[:depth])).named_children())
            later = list(names)[list(names).index(path[depth]) + 1 :]
            found += [names[name] for name in later if depth or _of_features(name, names)]
        return found

    @torch.no_grad()
    def tried(self, network: nn.Module, inputs: Tensor) -> Tensor | None:
        """What `before` gives for these inputs; None where the two parts together do not give the network's embedding.

        They do not where blocks are handed more than activations, such as position biases that all of them share.
        """
        seen: list[Tensor] = []
        with listen(network, [EMBEDDING], lambda _name, value: seen.append(value)):
            network(inputs)
            try:
                activations = self.before(network, inputs)
                self.after(network, activations)
            except (RuntimeError, TypeError, ValueError, AttributeError):  # a module wants what it was not given
                return None
        whole, parts = seen
        clean = whole.shape == parts.shape and (whole - parts).abs().max() <= CLOSE * whole.abs().max()
        return activations if clean else None


def residual_blocks(network: nn.Module) -> list[str]:
    """Names of a network's residual blocks, those that timm gives stochastic depth, in the order of the network."""
    found: list[str] = []
    for name, module in network.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found[-1:])
        if not inside and any(hasattr(module, slot) for slot in SLOTS):
            found.append(name)
    return found


def _of_features(name: str, siblings: dict[str, nn.Module]) -> bool:
    """Whether a part at the top of a network comes before its head: it has blocks, or is one of a few by name.

    MobileNetV3 has its `conv_head` in the head, where no batch norm `bn2` follows it.
    """
    blocks = any(hasattr(module, slot) for module in siblings[name].modules() for slot in SLOTS)
    return blocks or name in FEATURES_END or (name == "conv_head" and "bn2" in siblings)


def _stop(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    raise _Reached(inputs[0])
