"""What methods have in common that insert modules of their own into a frozen network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.adapt import grids
from bench.adapt.lazy import parameters, torch, trained
from bench.adapt.subset import SubsetMethod
from bench.spec import Backbone, UserError


@dataclass(frozen=True)
class InsertedMethod(SubsetMethod):
    """A method that trains modules which it inserts into a frozen network, and a fresh head.

    A subclass adds them in `insert`, as parts of the network, so that their names are among its parameters. They are
    drawn on the CPU, so that a seed means the same on every device. Stochastic depth is in its places by then.
    """

    choices: ClassVar[dict[str, Any]] = {"lr": grids.INSERTED}

    lr: float | None = 1e-3

    @abstractmethod
    def insert(self, network: torch.nn.Module) -> None:
        """Adds the method's modules to a network of timm's, on the CPU."""

    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """Names of the inserted parameters, once it has inserted them."""
        before = {name for name, _ in network.named_parameters()}
        self.insert(network)
        return {name for name, _ in network.named_parameters()} - before

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone with a fresh head and the inserted modules."""
        network = self.copy(backbone, classes).cpu()
        trained = self.of_head(network) | set(self.chosen(network))
        return parameters.train_only(network.to(backbone.device), trained)

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """Raises UserError: a method that folds says how."""
        raise UserError(f"what {type(self).__name__} inserts cannot be folded into the network's weights")


@dataclass(frozen=True)
class FoldedMethod(InsertedMethod):
    """A method whose modules fold into the network's weights: a restored network costs what the backbone alone does."""

    @abstractmethod
    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """A plain network of timm's with the same scores."""

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> trained.Trained:
        """The trained network from what was kept, for evaluation."""
        network = self.network(backbone, classes)
        self.load(network, stored)
        return trained.Trained(backbone, self.merged(network.eval()).eval(), lambda _merged: stored)
