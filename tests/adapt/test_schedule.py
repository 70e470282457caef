"""The learning rate: where it starts from, and how it changes."""

from __future__ import annotations

import pytest
from torch import nn

from bench.adapt.schedule import default_lr, warmup_cosine


def test_the_schedule_rises_and_falls_to_nothing() -> None:
    rates = [warmup_cosine(step, 100, 0.1) for step in range(100)]
    assert rates[:3] == [0.1, 0.2, pytest.approx(0.3)]
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert warmup_cosine(0, 1, 0.0) == 1.0


def test_a_network_with_batch_norm_bears_ten_times_the_rate_of_one_without() -> None:
    assert default_lr(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))) == pytest.approx(
        10 * default_lr(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)))
    )
