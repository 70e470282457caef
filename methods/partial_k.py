"""Partial-k: the last k residual blocks and what comes behind them are trained, and all before them stays frozen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.lazy import activations, cut, sources, torch
from bench.adapt.subset import SubsetMethod
from bench.registry import method
from bench.spec import Backbone, Meter, Split, UserError

if TYPE_CHECKING:
    from bench.adapt.sources import Source


@method("partial_k", family="weights", extra=True)
@dataclass(frozen=True)
class PartialK(SubsetMethod):
    """Trains the last `blocks` residual blocks, what comes behind them (in a transformer the final norm), and a head.

    The activations before these blocks are computed once, in half precision where that serves, and training reads them:
    it has no augmentation, and no stochastic depth in what is frozen. Where a network cannot be cut in two, as BEiT and
    EVA, whose blocks share position biases, the same is done with its whole forward pass.

    Source: Partial-1 of Jia et al. 2022 (KMnP/vpt@4410440, src/models/vit_backbones; k of 1, 2 and 4 in its appendix).
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "blocks": CategoricalDistribution((1, 2, 4)),
        "lr": FloatDistribution(1e-6, 3e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    blocks: int = 1
    weight_decay: float = 0.01

    @property
    def passes(self) -> float:
        """A forward pass up to the blocks; behind them, an epoch costs a small part of a pass over the network."""
        return 1.0 + super().passes * 0.1 * self.blocks

    def cut(self, network: torch.nn.Module) -> cut.Cut:
        """Where the network is cut. Raises UserError where it has fewer blocks than are to be trained."""
        found = cut.residual_blocks(network)
        if not 1 <= self.blocks <= len(found):
            raise UserError(f"the network has {len(found)} residual blocks; choose blocks from 1 to {len(found)}")
        return cut.Cut(found[-self.blocks])

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without residual blocks."""
        return None if cut.residual_blocks(network) else "partial_k needs a network of residual blocks"

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """All parameters from the first of the blocks on."""
        names = [name for name, _ in network.named_parameters()]
        first = next(place for place, name in enumerate(names) if name.startswith(f"{self.cut(network).place}."))
        return names[first:]

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone with a fresh head; its frozen blocks are in eval mode."""
        network = super().network(backbone, classes)
        for name in cut.residual_blocks(network)[: -self.blocks]:
            network.get_submodule(name).eval()
        return network

    def examples(self, backbone: Backbone, network: torch.nn.Module, split: Split, meter: Meter) -> Split | Source:
        """The activations before the blocks, or the images as they are where there is no way or no room for them."""
        place = self.cut(network)
        found = activations.activations(backbone, split.images, place, meter)
        if found is None:
            return replace(split, augment=frozenset())
        return sources.Cached(backbone, split, found, place.after)
