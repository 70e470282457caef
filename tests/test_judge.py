"""Judging: a test set may name the classes that can occur in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.judge import answers, judge
from bench.meter import Meter
from bench.spec import Split


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
    backbone: Any = SimpleNamespace(image_size=8, device=torch.device("cpu"))
    (verdict,) = judge(backbone, [Always(3.0, 2.0, 1.0)], tests, Meter(torch.device("cpu")))
    assert verdict.accuracy == {"test": 0.0, "ood/few": 0.75}
