"""Selected features are read out of their blocks into one tensor."""

from __future__ import annotations

import pytest
import torch

from bench.adapt.selection import norms, select
from bench.backbone.features import Features
from bench.costs.peak import reset_peak, resident_peak

CPU = torch.device("cpu")
MIB = 1 << 20


def drawn(*widths: int, count: int = 50) -> Features:
    generator = torch.Generator().manual_seed(0)
    return Features(tuple(torch.randn(count, width, generator=generator).half() for width in widths))


@pytest.mark.parametrize("whole", [True, False])
def test_each_part_is_scaled_by_itself_or_its_tap(whole: bool) -> None:
    read = drawn(4, 3, 5)
    first, _, last = read.blocks
    part = last[:, [0, 4]]
    expected = torch.cat([first / norms(first), part / norms(last if whole else part)], dim=1)
    assert torch.equal(select(read, torch.tensor([0, 1, 2, 3, 7, 11]), whole), expected)


def test_without_a_selection_features_are_as_they_are() -> None:
    read = drawn(4, 3)
    assert torch.equal(select(read, None), torch.cat(read.blocks, dim=1))


@pytest.mark.skipif(resident_peak() is None, reason="the system does not tell the peak of memory")
@pytest.mark.parametrize("selected", [None, torch.arange(40_000)])
def test_all_features_take_their_memory_once(selected: torch.Tensor | None) -> None:
    read = Features(tuple(block for one in drawn(4_000, count=1_000).held for block in [one] * 10))
    select(drawn(4, 3), None if selected is None else selected[:7])  # what a first call loads
    reset_peak(CPU)
    before = resident_peak() or 0
    made = select(read, selected)
    grown = (resident_peak() or 0) - before
    assert made.nbytes > 150 * MIB
    assert grown < 1.8 * made.nbytes
