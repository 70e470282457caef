"""Staging: on the CPU batches pass as they are."""

from __future__ import annotations

import torch

from bench.images.staging import staged


def test_a_cpu_is_handed_the_batches_themselves() -> None:
    made = list(torch.zeros(5, 3, 2, 2, dtype=torch.uint8).split(2))
    for before, after in zip(made, staged(iter(made), torch.device("cpu")), strict=True):
        assert after is before
