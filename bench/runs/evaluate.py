"""Evaluation: the test sets are read once, after the methods have finished; all probes of a task in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench.adapt.probe import NORMS, Probe, score_together
from bench.costs.clock import FORWARD, Clock
from bench.costs.meter import Meter
from bench.images.pixels import batches
from bench.records.correct import Right
from bench.spec import Adapted, Backbone, Split, UserError

LEAST, MOST = 128, 512  # images a pass
PIXELS = 2_400_000  # of a pass over small images, so many of them that calls weigh little beside the work


@dataclass
class Evaluation:
    """Which images of every test set one adapted backbone classified correctly, and its attributed seconds."""

    right: dict[str, Right] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def accuracy(self) -> dict[str, float]:
        """By test set, a fraction."""
        return {name: float(right.mean()) for name, right in self.right.items()}


@torch.no_grad()
def evaluate(
    backbone: Backbone, adapted: Sequence[Adapted], tests: Mapping[str, Split], meter: Meter
) -> list[Evaluation]:
    """Evaluates all of them on all test sets. Each image is decoded once, and goes once through the frozen backbone.

    `meter` counts what that spends. Raises BudgetSpent when the budget ends, and UserError for a test set without
    images.
    """
    found = [Evaluation() for _ in adapted]
    clock = Clock(backbone.device)
    batch = min(MOST, max(LEAST, PIXELS // backbone.image_size**2))
    for name, test in tests.items():
        if not len(test.images):
            raise UserError(f"the test set {name!r} has no images; check the copy of the data")
        for one in found:
            one.right[name] = np.zeros(len(test.labels), bool)
        possible = None if test.possible is None else torch.tensor(sorted(test.possible), device=backbone.device)
        done = 0
        for images in batches(test.images, backbone.image_size, batch):
            here = slice(done, done := done + len(images))
            scored = meter.step(("evaluate", len(images)), partial(_score, backbone, adapted, images, clock))
            for one, scores in zip(found, scored, strict=True):
                one.right[name][here] = answers(scores, possible).cpu().numpy() == test.labels[here]
            clock.seconds()
    for one, seconds in zip(found, attributed(adapted, clock.seconds()), strict=True):
        one.seconds = seconds
    return found


def answers(scores: Tensor, possible: Tensor | None) -> Tensor:
    """The class (batch,) with the highest score; only among the `possible` classes (m,) where they are given."""
    return scores.argmax(1) if possible is None else possible[scores[:, possible].argmax(1)]


def _score(backbone: Backbone, adapted: Sequence[Adapted], images: Tensor, clock: Clock) -> list[Tensor]:
    """The logits (batch, classes) of each: all probes from one pass, every other from its own."""
    numbers = [number for number, one in enumerate(adapted) if isinstance(one, Probe)]
    probes = [one for one in adapted if isinstance(one, Probe)]
    of_probes = iter(score_together(backbone, probes, images, clock) if numbers else [])
    scores = []
    for number, one in enumerate(adapted):
        if isinstance(one, Probe):
            scores.append(next(of_probes))
            continue
        clock.start()
        scores.append(one.logits(images))
        clock.lap(("own", number))
    return scores


def attributed(adapted: Sequence[Adapted], seconds: Mapping[object, float]) -> list[float]:
    """The seconds each would have taken alone: the network, the pooling of what it reads, and its own head."""
    alone = []
    probes = 0
    for number, one in enumerate(adapted):
        if not isinstance(one, Probe):
            alone.append(seconds.get(("own", number), 0.0))
            continue
        read: list[object] = [(name, one.target) for name in one.pieces]
        read += [(name, one.target, NORMS) for name, piece in one.pieces.items() if piece.whole]
        pooling = sum(seconds.get(label, 0.0) for label in read)
        alone.append(seconds.get(FORWARD, 0.0) + pooling + seconds.get(probes, 0.0))
        probes += 1
    return alone
