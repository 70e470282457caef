"""The training loop of all methods that train a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.adapt.schedule import warmup_cosine
from bench.adapt.sources import Pixels, Source
from bench.adapt.thrift import Thrift
from bench.backbone.parameters import optimiser_groups
from bench.costs.device import FUSED_OPTIMISERS
from bench.costs.memory import OUT_OF_MEMORY
from bench.spec import Backbone, Meter, Split, UserError


@dataclass(frozen=True)
class Recipe:
    """AdamW with linear warm-up and cosine to 0; light augmentation where the task allows it."""

    epochs: int
    lr: float
    batch: int
    weight_decay: float
    warmup: float  # fraction of all steps
    clip: float = 0.0  # the largest norm of all gradients together; 0: they are left as they are
    layer_decay: float = 1.0  # factor on the learning rate from one layer to the one before it


class Rule:
    """What is done beside minimising the loss. It does nothing; a subclass overrides what it needs."""

    def penalty(self) -> Tensor | None:
        """What is added to the mean loss of a batch, a scalar, after the network's forward pass; None for nothing."""
        return None

    def begin_epoch(self, training: Training) -> None:
        """Called before the first step of each epoch."""

    def finish(self) -> None:
        """Called once after the last step, also where the training failed: what was added to the network goes."""


def train(
    backbone: Backbone,
    network: nn.Module,
    examples: Split | Source,
    recipe: Recipe,
    meter: Meter,
    rule: Rule | None = None,
) -> None:
    """Trains those parameters of `network` that require gradients, in place, on all images of a split or a source.

    Modules keep the mode, train or eval, that they come in, and are in eval mode at the end. Nothing in a step waits
    for the device. Raises UserError for a recipe that trains nothing, and for a parameter without a gradient.
    """
    if recipe.epochs < 1 or recipe.batch < 1:
        raise UserError(f"{recipe.epochs} epochs in batches of {recipe.batch} train nothing; both are 1 or more")
    rule = rule or Rule()
    work = Training(backbone, network, examples, recipe, meter, rule)
    steps = recipe.epochs * math.ceil(len(work.source.labels) / recipe.batch)
    taken = 0
    try:
        for done in range(1, recipe.epochs + 1):
            losses = []
            rule.begin_epoch(work)
            for batch in work.epoch():
                losses.append(work.step(batch, recipe.lr * warmup_cosine(taken, steps, recipe.warmup)))
                taken += 1
            work.tell(done)
            meter.epoch(done, recipe.epochs, torch.stack(losses).mean().item(), work.logits)
    finally:
        work.thrift.undo()
        rule.finish()
    network.eval()


class Training:
    """One training at work: its network, its optimiser, and the source of its batches."""

    def __init__(
        self,
        backbone: Backbone,
        network: nn.Module,
        examples: Split | Source,
        recipe: Recipe,
        meter: Meter,
        rule: Rule,
    ) -> None:
        self.backbone, self.network, self.recipe, self.meter, self.rule = backbone, network, recipe, meter, rule
        self.source: Source = Pixels(backbone, examples) if isinstance(examples, Split) else examples
        self.weights = list(network.parameters())
        self.optimise(optimiser_groups(network, recipe.weight_decay, recipe.layer_decay))
        self.seen = False  # whether a step has shown that everything that is to be trained has a gradient
        self.thrift = Thrift(network)
        self.name = object()  # tells this training from others under one meter

    def optimise(self, groups: list[dict[str, Any]]) -> None:
        """Starts the optimiser on groups of parameters. A step multiplies its rate by a group's `lr_scale`."""
        fused = self.backbone.device.type in FUSED_OPTIMISERS
        self.optimiser = torch.optim.AdamW(groups, self.recipe.lr, fused=fused)

    def epoch(self) -> Sequence[Tensor]:
        """The batches of one epoch, drawn on the CPU for every device alike, and moved to the device at once."""
        source = self.source
        order = torch.randperm(len(source.labels), device="cpu")
        drawn = torch.stack([source.rows[order], source.labels[order], *source.draw(len(order))])
        return evenly(drawn.to(self.backbone.device), self.recipe.batch)

    def differentiate(self, batch: Tensor) -> Tensor:
        """The loss of a batch, a scalar; its gradients are left in the weights.

        Where memory runs out, what was computed is thrown away, and it is done again with less.
        """
        while (loss := self.attempt(batch)) is None:
            self.thrift.tighten(batch.shape[1])
        return loss

    def step(self, batch: Tensor, lr: float) -> Tensor:
        """One step of the optimiser on these images; the loss before it, a scalar."""
        loss = self.differentiate(batch)
        if not self.seen:
            self.look_for_gradients()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        self.optimiser.step()
        return loss

    def look_for_gradients(self) -> None:
        """Raises UserError where a parameter that is to be trained has no gradient: nobody would notice."""
        named = self.network.named_parameters()
        dead = [name for name, weight in named if weight.requires_grad and weight.grad is None]
        if dead and not getattr(self.network, "partly_read", False):
            raise UserError(f"{dead[0]} ({len(dead)} such) gets no gradient, so nothing in it is trained; leave it out")
        self.seen = True

    def attempt(self, batch: Tensor) -> Tensor | None:
        """The loss of a batch, its gradients being left in the weights; None where memory ran out."""
        try:
            return self.meter.step(self.signature(batch), partial(self.gradients, batch))
        except OUT_OF_MEMORY:
            return None

    def gradients(self, batch: Tensor) -> Tensor:
        """The mean loss of a batch, computed in one part or in several that are weighed by their images."""
        self.optimiser.zero_grad()
        losses = []
        for part in self.thrift.parts(batch):
            rows, labels, *draws = part
            with self.backbone.computing(trained=True):
                scores = self.source.scores(self.network, rows, draws)
                loss, penalty = functional.cross_entropy(scores, labels), self.rule.penalty()
                loss = (loss if penalty is None else loss + penalty) * (len(labels) / batch.shape[1])
                loss.backward()
            losses.append(loss.detach())
        return torch.stack(losses).sum()

    def signature(self, batch: Tensor) -> tuple[object, ...]:
        """What decides the FLOPs of a step: this training, its batch size, and which weights require gradients."""
        trained = tuple([weight.requires_grad for weight in self.weights])
        return self.name, batch.shape[1], self.thrift.state, trained

    def tell(self, done: int) -> None:
        """Keeps in the record, epoch by epoch, what was done because memory ran out."""
        if self.thrift.most is not None:
            self.meter.point("memory/images at once", done, self.thrift.most)
        if self.thrift.recomputed:
            self.meter.point("memory/recomputed", done, len(self.thrift.recomputed))

    def logits(self, images: Tensor) -> Tensor:
        """Scores float32 (batch, classes) of uint8 pixels, in eval mode: looking changes nothing of the training."""
        training = [module for module in self.network.modules() if module.training]
        self.network.eval()
        try:
            with self.backbone.computing(trained=True):
                return self.network(self.backbone.inputs(images)).float()  # type: ignore[no-any-return]
        finally:
            for module in training:
                module.training = True


class WithoutCurves:
    """A meter that charges everything and keeps no curve: for a training that only serves a choice."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meter, name)

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Keeps nothing, and lets nobody look at the network."""


def evenly(drawn: Tensor, batch: int) -> Sequence[Tensor]:
    """What was drawn for an epoch, (2 + draws, images), in batches of nearly equal size: no batch is a tiny rest."""
    return drawn.tensor_split(math.ceil(drawn.shape[1] / batch), dim=1)
