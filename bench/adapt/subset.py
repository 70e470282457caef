"""What methods have in common that train some of the network's own weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import parameters, torch
from bench.spec import Backbone


@dataclass(frozen=True)
class SubsetMethod(TrainedMethod):
    """A method that trains and keeps a part of a network's parameters, its head always among them.

    Batch statistics stay those of pretraining.
    """

    @abstractmethod
    def chosen(self, network: torch.nn.Module) -> Collection[str]:
        """Names of the parameters that are trained beside the head."""

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone with a fresh head, and gradients for what is trained."""
        network = self.copy(backbone, classes)
        return parameters.train_only(network, self.of_head(network) | set(self.chosen(network)))

    def of_head(self, network: torch.nn.Module) -> set[str]:
        """Names of the head's parameters."""
        own = {id(weight) for weight in self.classifier(network).parameters()}
        return {name for name, weight in network.named_parameters() if id(weight) in own}

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """The parameters that were trained."""
        return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """Puts the parameters that were trained into a new network."""
        weights = dict(network.named_parameters())
        with torch.no_grad():
            for name, value in stored.items():
                weights[name].copy_(value)
