"""Head2Toe-FT: Head2Toe's selection, then the backbone and a fresh head on it trained together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import parameters, probe, readout, solvers, torch, trained
from bench.registry import method
from bench.spec import Backbone, Meter, Split, UserError
from methods.head2toe import Head2Toe


@method("head2toe_ft", family="weights", extra=True)
@dataclass(frozen=True)
class Head2ToeFT(TrainedMethod):
    """Selects features of every layer as Head2Toe does, then trains the whole network with a fresh head on them.

    `target`, `fraction`, `group_lasso`, `head_lr`, `steps` and `head_batch` are those of `head2toe`. The selection is
    made on the frozen backbone and stays as it is. The training has the recipe of `fine_tune` without layer decay, and
    its gradients pass through the features that are read and through their scaling to unit norm.
    """

    # Of the selection its size, which matters most, is searched; of the training, what `fine_tune` searches.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048)),
        "fraction": FloatDistribution(0.0005, 0.2, log=True),
        "lr": FloatDistribution(1e-6, 3e-3, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    quick: ClassVar[Mapping[str, Any]] = {**TrainedMethod.quick, "weight_decay": 0.01}

    weight_decay: float = 0.05
    target: int = 512
    fraction: float = 0.2
    group_lasso: float = 1e-5
    head_lr: float = 0.01
    steps: int = 500
    head_batch: int = 128

    def __post_init__(self) -> None:
        """Raises UserError for a head from the linear probe, which reads the embedding alone."""
        if self.head != "zero":
            raise UserError(f"the head on features of all layers starts at zero, not at {self.head!r}")

    @property
    def passes(self) -> float:
        """A forward pass to select, then a training."""
        return 1.0 + super().passes

    @property
    def head2toe(self) -> Head2Toe:
        """Head2Toe with the same selection."""
        return Head2Toe(
            target=self.target,
            fraction=self.fraction,
            group_lasso=self.group_lasso,
            lr=self.head_lr,
            steps=self.steps,
            batch=self.head_batch,
        )

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> trained.Trained:
        """Selects features of the training images, and trains the network with a head on them."""
        return self.tune(backbone, solvers.read_examples(backbone, train, self.target, meter), train)

    def tune(self, backbone: Backbone, examples: solvers.Examples, split: Split) -> trained.Trained:
        """As `fit`, from the examples of a split."""
        selected = self.head2toe.select(examples)
        head = replace(solvers.fresh(len(selected), split.classes, examples.device), selected=selected)
        network = readout.ReadoutNetwork(probe.Probe.of(backbone, self.target, head), trainable=True)
        parameters.stochastic_depth(network.network, self.drop_path)
        return self.train(backbone, network.train(), split, examples.meter)

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """The head and which features it reads, and all weights of the network if they were trained."""
        assert isinstance(network, readout.ReadoutNetwork)
        return network.kept()

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> trained.Trained:
        """The network from the tensors that were kept of it."""
        return trained.Trained(backbone, readout.restore(backbone, self.target, stored), self.kept)
