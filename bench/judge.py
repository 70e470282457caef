"""Judging: the test sets read once, after the methods have finished; all probes of a task in one pass."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from bench import data
from bench.features import read_taps
from bench.meter import Meter, synchronise
from bench.probe import Probe
from bench.spec import Adapted, Backbone, Split

BATCH = 128


@dataclass
class Verdict:
    """Accuracy of one adapted backbone on every test set (fractions) and the seconds attributed to judging it."""

    accuracy: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@torch.no_grad()
def judge(backbone: Backbone, adapted: Sequence[Adapted], tests: Mapping[str, Split], meter: Meter) -> list[Verdict]:
    """Judges all of them on all test sets; each image is decoded once, and goes once through the frozen backbone.

    What that spends goes through `meter`, which raises BudgetSpent when there is no more to spend.
    """
    verdicts = [Verdict() for _ in adapted]
    for name, test in tests.items():
        hits = [0] * len(adapted)
        possible = None if test.possible is None else torch.tensor(sorted(test.possible), device=backbone.device)
        done = 0
        for images in data.batches(test.images, backbone.image_size, BATCH):
            labels = torch.from_numpy(test.labels[done : done + len(images)])
            done += len(images)
            scored = meter.step(("judge", len(images)), partial(_score, backbone, adapted, images))
            for number, (scores, seconds) in enumerate(scored):
                hits[number] += int((answers(scores, possible).cpu() == labels).sum())
                verdicts[number].seconds += seconds
        for verdict, correct in zip(verdicts, hits, strict=True):
            verdict.accuracy[name] = correct / done
    return verdicts


def answers(scores: Tensor, possible: Tensor | None) -> Tensor:
    """The class (batch,) of the highest score, among the `possible` classes (m,) alone if they are given."""
    return scores.argmax(1) if possible is None else possible[scores[:, possible].argmax(1)]


def _score(backbone: Backbone, adapted: Sequence[Adapted], images: Tensor) -> list[tuple[Tensor, float]]:
    """Each one's logits, and its attributed seconds: the whole shared pass, all pooling in it, and its own head."""
    probes = [one for one in adapted if isinstance(one, Probe)]
    began = time.perf_counter()
    read = read_taps(backbone, images, list({probe.target: None for probe in probes})) if probes else {}
    synchronise(backbone.device)
    shared = time.perf_counter() - began
    scored = []
    for one in adapted:
        began = time.perf_counter()
        scores = one.score(read[one.target]) if isinstance(one, Probe) else one.logits(images)
        synchronise(backbone.device)
        own = time.perf_counter() - began
        scored.append((scores, own + shared if isinstance(one, Probe) else own))
    return scored
