"""What methods have in common: a probe is its features and its solver, a trained method its network and its recipe."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from bench.adapt import grids
from bench.adapt.lazy import last_blocks, parameters, probe, schedule, solvers, taps, torch, trained, training
from bench.spec import Adapted, Backbone, Meter, Method, Split, UserError

if TYPE_CHECKING:
    from bench.adapt.sources import Source

HEADS = ("zero", "probe")  # where a fresh head starts


class ProbeMethod(Method):
    """A method that leaves the backbone as it is and solves a linear head on pooled features.

    A subclass says how in `solve`. A field `target` of its own asks for the features of all layers.
    """

    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1
    whole: ClassVar[bool] = False  # True: features are divided by the norm of the whole layer, not of its selected part

    @property
    def target(self) -> last_blocks.Target:
        """About how many numbers each layer is pooled to, or the last blocks; None for the pooled embedding alone."""
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
    """A method that trains a network by AdamW, linear warm-up and cosine to 0, with clipped gradients.

    A subclass says which network, with which of its parameters requiring gradients; here it is a copy of the backbone
    with a fresh head, all of which is trained. `lr` None takes the default for that network. `drop_path` is the rate of
    stochastic depth in the last block. `head` says where a fresh head starts: at "zero", or as the converged linear
    "probe" of the training images.
    """

    frozen: ClassVar[bool] = False
    folds: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": grids.OWN_WEIGHTS}
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 15, "batch": 50, "drop_path": 0.0}

    lr: float | None = None
    epochs: int = 100
    batch: int = 64
    weight_decay: float = 1e-4
    warmup: float = 0.1
    drop_path: float = 0.1
    clip: float = 1.0
    head: str = "zero"

    def __post_init__(self) -> None:
        """Raises UserError for a head that cannot be started from."""
        if self.head not in HEADS:
            raise UserError(f"no head starts at {self.head!r}; choose {' or '.join(HEADS)}")

    @property
    def passes(self) -> float:
        """A forward and a backward pass an epoch, and one forward pass where the head starts as a probe."""
        return 3.0 * self.epochs + (self.head == "probe")

    def copy(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone's network to be trained, with a fresh head and stochastic depth, in train mode."""
        network = backbone.network(classes)
        parameters.stochastic_depth(network, self.drop_path)
        return network.train()

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The network before training. Its modules are trained in the mode, train or eval, that they are in."""
        return self.copy(backbone, classes)

    def classifier(self, network: torch.nn.Module) -> torch.nn.Module:
        """The head of the method's network, a linear layer or a convolution of one pixel."""
        return taps.head(network)

    def default_lr(self, network: torch.nn.Module) -> float:
        """The learning rate where `lr` is None."""
        return schedule.default_lr(network)

    def recipe(self, network: torch.nn.Module) -> training.Recipe:
        """How the network is trained."""
        lr = self.lr or self.default_lr(network)
        return training.Recipe(self.epochs, lr, self.batch, self.weight_decay, self.warmup, self.clip)

    def rule(self, backbone: Backbone, network: torch.nn.Module) -> training.Rule | None:
        """What is done beside minimising the loss; nothing here."""
        return None

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """What must be kept of a trained network: all of its weights and statistics."""
        return network.state_dict()

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """Puts what was kept of a trained network into a new one."""
        network.load_state_dict(dict(stored))

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """A plain network of timm's with the same scores as a trained one in eval mode, which it may take apart.

        Raises UserError where the method cannot be folded into the network's weights.
        """
        return network

    def examples(self, backbone: Backbone, network: torch.nn.Module, split: Split, meter: Meter) -> Split | Source:
        """What the network is trained on: the images of a split, or activations of its frozen part."""
        return split

    def train(
        self, backbone: Backbone, network: torch.nn.Module, examples: Split | Source, meter: Meter
    ) -> trained.Trained:
        """Trains a network in place on all images of a split or a source."""
        training.train(backbone, network, examples, self.recipe(network), meter, self.rule(backbone, network))
        return trained.Trained(backbone, network, self.kept)

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> trained.Trained:
        """Trains the method's network on the training images."""
        network = meter.step(None, lambda: self.network(backbone, train.classes))  # DoRA multiplies there
        meter.stop()  # its clock goes on with the next step, and what cells share is attributed in between
        examples = self.examples(backbone, network, train, meter)
        probe = None
        if self.head == "probe":
            probe = solvers.linear_probe(solvers.read_examples(backbone, train, None, meter))
        solvers.start(self.classifier(network), probe)
        return self.train(backbone, network, examples, meter)

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
