"""What methods have in common: a probe is its features and its solver, a trained method its network and its recipe."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bench.adapt.lazy import probe, schedule, solvers, torch, trained, training
from bench.spec import Adapted, Backbone, Meter, Method, Split


class ProbeMethod(Method):
    """A method that leaves the backbone as it is and solves a linear head on pooled features.

    A subclass says how in `solve`. A field `target` of its own asks for the features of all layers.
    """

    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1
    whole: ClassVar[bool] = False  # True: features are divided by the norm of the whole layer, not of its selected part

    @property
    def target(self) -> int | None:
        """About how many numbers each layer is pooled to; None for the pooled embedding alone."""
        return None

    @property
    def passes(self) -> float:
        """One forward pass over the training images."""
        return 1.0

    @abstractmethod
    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head, and in its `selected` the features that it reads: None for all of them as they are."""

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> probe.Probe:
        """Reads the features of the training images and solves a head on them."""
        head = self.solve(solvers.read_examples(backbone, train, self.target, meter))
        return probe.Probe.of(backbone, self.target, head, self.whole)

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> probe.Probe:
        """The probe from the tensors that it stored."""
        return probe.restore(backbone, self.target, stored, self.whole)


@dataclass(frozen=True)
class TrainedMethod(Method):
    """A method that trains a network by AdamW, linear warm-up and cosine to 0.

    A subclass says which network, with which of its parameters requiring gradients; here it is a copy of the backbone
    with a fresh head, all of which is trained. `lr` None takes the default for that network.
    """

    frozen: ClassVar[bool] = False
    folds: ClassVar[int] = 1

    lr: float | None = None
    epochs: int = 15
    batch: int = 50
    weight_decay: float = 0.01
    warmup: float = 0.1

    @property
    def passes(self) -> float:
        """A forward and a backward pass an epoch."""
        return 3.0 * self.epochs

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The network before training. Its modules are trained in the mode, train or eval, that they are in."""
        return backbone.network(classes).train()

    def default_lr(self, network: torch.nn.Module) -> float:
        """The learning rate where `lr` is None."""
        return schedule.default_lr(network)

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """What must be kept of a trained network: all of its weights and statistics."""
        return network.state_dict()

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """Puts what was kept of a trained network into a new one."""
        network.load_state_dict(dict(stored))

    def train(self, backbone: Backbone, network: torch.nn.Module, split: Split, meter: Meter) -> trained.Trained:
        """Trains a network in place on all images of a split."""
        lr = self.lr or self.default_lr(network)
        recipe = training.Recipe(self.epochs, lr, self.batch, self.weight_decay, self.warmup)
        training.train(backbone, network, split, recipe, meter)
        return trained.Trained(backbone, network, self.kept)

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> trained.Trained:
        """Trains the method's network on the training images."""
        return self.train(backbone, self.network(backbone, train.classes), train, meter)

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> trained.Trained:
        """The trained network from the tensors that were kept of it."""
        network = self.network(backbone, classes)
        self.load(network, stored)
        return trained.Trained(backbone, network.eval(), self.kept)


@runtime_checkable
class PathMethod(Protocol):
    """A method whose variants along one hyper-parameter are fitted together for hardly more than one of them."""

    path: ClassVar[str]  # the hyper-parameter in which the variants differ

    @classmethod
    def fit_path(
        cls, variants: Sequence[Any], backbone: Backbone, train: Split, meters: Sequence[Meter]
    ) -> list[Adapted]:
        """Each variant fitted and charged to its own meter, what they share to one of them; in the order given."""
