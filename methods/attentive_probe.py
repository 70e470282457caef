"""Attentive probe, as efficient probing has it: learned queries read the tokens before the head of a frozen network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import activations, attentive, cut, sources, torch
from bench.registry import method
from bench.spec import Backbone, Meter, Split, UserError

if TYPE_CHECKING:
    from bench.adapt.sources import Source


@method("attentive_probe", family="heads", extra=True)
@dataclass(frozen=True)
class AttentiveProbe(TrainedMethod):
    """Trains `queries` that attend to the tokens, or the places of the last map, one linear layer of values and a head.

    y_g = V_g Σ softmax(q_g·x / √d) x, over all tokens x, for query g and group g of the values V. The y of all groups
    have batch norm without scale and shift, and a linear head reads them. Tokens are computed once, in half precision
    where that serves, and without augmentation. If `queries` does not divide the width d, it is the next smaller number
    that does.
    """

    # Psomas et al. 2025 (billpsomas/efficient-probing @ b8f4fb8): 32 queries, no weight decay, warm-up for a tenth of
    # 90 epochs. Its LARS in batches of 4,096 is for ImageNet; with 1,000 images it is AdamW in batches of 64. On the
    # validation images of EuroSAT, rates of 1e-4 and 3e-4 do better than 1e-3, which learns the images by heart.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "queries": CategoricalDistribution((8, 16, 32, 64)),
        "lr": FloatDistribution(1e-5, 1e-2, log=True),
        "weight_decay": CategoricalDistribution((0.0, 1e-3, 1e-2, 1e-1)),
        "epochs": CategoricalDistribution((15, 30, 60, 90)),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": (1e-4, 3e-4, 1e-3, 3e-5)}

    queries: int = 32
    lr: float | None = 1e-4
    epochs: int = 90
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Raises UserError without a query, and for a head from the linear probe, which reads something else."""
        if self.head != "zero":
            raise UserError(f"the head of attentive_probe starts at zero, not at {self.head!r}")
        if self.queries < 1:
            raise UserError(f"attentive_probe:queries={self.queries} reads nothing; choose 1 or more")

    @property
    def passes(self) -> float:
        """One forward pass over the training images; what is trained on the tokens is small beside it."""
        return 1.0 + 0.03 * self.epochs

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone, frozen, with an attentive head."""
        network: Any = backbone.module
        return attentive.AttentiveNetwork(network, attentive.groups(network.num_features, self.queries), classes)

    def classifier(self, network: torch.nn.Module) -> torch.nn.Module:
        """The linear head behind the queries."""
        assert isinstance(network, attentive.AttentiveNetwork)
        return network.attentive.head

    def examples(self, backbone: Backbone, network: torch.nn.Module, split: Split, meter: Meter) -> Split | Source:
        """The tokens before the head, or the images as they are where there is no way or no room for tokens."""
        assert isinstance(network, attentive.AttentiveNetwork)
        found = activations.activations(backbone, split.images, cut.Cut(""), meter)
        if found is None:
            return replace(split, augment=frozenset())
        return sources.Cached(backbone, split, found, lambda _, tokens: network.behind(tokens))

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """The queries, the values, batch statistics and the head."""
        assert isinstance(network, attentive.AttentiveNetwork)
        return network.attentive.kept()

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """Puts what was kept into a new network."""
        assert isinstance(network, attentive.AttentiveNetwork)
        network.attentive.load_state_dict(dict(stored), strict=False)

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """Raises UserError: no network of timm's has such a head."""
        raise UserError("an attentive probe reads tokens as no head of timm's does, so it cannot be folded into one")
