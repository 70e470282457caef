"""Judging: a test set may name the classes that can occur in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.adapt.probe import Probe, score_together, widths
from bench.backbone.features import features
from bench.backbone.network import TimmBackbone, load
from bench.costs.clock import FORWARD, Clock
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.runs.evaluate import answers, attributed, evaluate
from bench.spec import BackboneSpec, Split

CPU = torch.device("cpu")


class Always:
    """Scores the classes by fixed numbers, whatever the picture."""

    def __init__(self, *scores: float) -> None:
        self.scores = torch.tensor(scores)

    def logits(self, images: Tensor) -> Tensor:
        return self.scores.repeat(len(images), 1)

    def stored(self) -> Mapping[str, Tensor]:
        return {}


class Blank:
    def __len__(self) -> int:
        return 4

    def decode(self, index: int) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)


def test_only_possible_classes_are_answered() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
    assert answers(scores, None).tolist() == [0, 2]
    assert answers(scores, torch.tensor([1, 2])).tolist() == [1, 2]
    assert answers(scores, torch.tensor([1])).tolist() == [1, 1]


def test_a_mask_belongs_to_one_test_set() -> None:
    labels = np.array([1, 1, 1, 2])
    tests = {"test": Split(Blank(), labels, 3), "ood/few": Split(Blank(), labels, 3, possible=frozenset({1, 2}))}
    backbone: Any = SimpleNamespace(image_size=8, device=CPU)
    (one,) = evaluate(backbone, [Always(3.0, 2.0, 1.0)], tests, Meter(CPU))
    assert one.accuracy == {"test": 0.0, "ood/few": 0.75}
    assert one.right["test"].tolist() == [False] * 4
    assert one.right["ood/few"].tolist() == [True, True, True, False]


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 30

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def probe(backbone: TimmBackbone, target: int | None, *columns: int) -> Probe:
    """A probe with a random head on some columns, or on all as they are."""
    width = sum(widths(backbone, target))
    kept = torch.tensor(columns) if columns else None
    generator = torch.Generator().manual_seed(len(columns))
    weight = torch.randn(len(columns) or width, 5, generator=generator)
    return Probe(backbone, target, kept, width, weight, torch.randn(5, generator=generator))


def test_probes_are_judged_in_one_pass_as_each_would_be_alone() -> None:
    backbone, images = load(BackboneSpec("demo"), CPU), Noise()
    every = sum(widths(backbone, 256))
    probes = [
        probe(backbone, None),
        probe(backbone, 64, 0, 5, 99, 100, 600),
        probe(backbone, 64, 7),
        probe(backbone, 256, *range(every)),
        probe(backbone, 256, *range(3, every, 7)),
    ]
    read = pixels(images, 32)
    sizes: list[int] = []
    handle = backbone.module.register_forward_hook(lambda module, given, output: sizes.append(len(given[0])))
    with torch.no_grad():
        together = score_together(backbone, probes, read, Clock(CPU))
    handle.remove()
    assert sizes == [30]
    for one, scores in zip(probes, together, strict=True):
        kept = one.score(features(backbone, images, one.target, Meter(CPU)))
        assert scores.shape == (30, 5)
        assert torch.allclose(scores, one.logits(read), atol=1e-5)
        assert torch.allclose(scores, kept, atol=5e-3)  # those are of half precision
    labels = together[1].argmax(1).numpy()
    found = evaluate(backbone, probes, {"test": Split(images, labels, 5)}, Meter(CPU))
    assert found[1].accuracy == {"test": 1.0}
    alone = [one.logits(read).argmax(1).numpy() == labels for one in probes]
    assert [one.right["test"].tolist() for one in found] == [right.tolist() for right in alone]
    assert all(one.seconds > 0 for one in found)


def test_seconds_of_companions_are_not_attributed() -> None:
    backbone = load(BackboneSpec("demo"), CPU)
    linear, few, other = probe(backbone, None), probe(backbone, 64, 0, 1), Always(1.0, 2.0)
    first = next(iter(few.pieces))
    seconds = {FORWARD: 8.0, ("embedding", None): 0.5, (first, 64): 0.25, ("own", 1): 4.0, 0: 0.125, 1: 0.0625}
    seconds[next(iter(probe(backbone, 256, 0).pieces)), 256] = 100.0
    assert attributed([linear, other, few], seconds) == [8.625, 4.0, 8.3125]
