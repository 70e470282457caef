"""The examples that a head is solved from."""

from __future__ import annotations

import torch

from bench.adapt.solvers.examples import read_examples
from bench.costs.meter import Meter
from tests.methods.test_contract import CPU, backbone, split_of


def test_examples_are_those_of_their_split() -> None:
    split, meter = split_of("demo/count"), Meter(CPU)
    examples = read_examples(backbone(), split, 64, meter)
    assert torch.equal(examples.labels, torch.from_numpy(split.labels))
    assert examples.matrix.shape == (len(split.labels), sum(examples.features.widths))
    assert len(examples.taps) == len(examples.features.held)
    assert meter.flops == meter.shared_flops > 0


def test_fitted_examples_are_those_of_the_fitted_split() -> None:
    split = split_of("demo/count")
    part = read_examples(backbone(), split, None, Meter(CPU)).fitted()
    same = read_examples(backbone(), split.fitted(), None, Meter(CPU))
    assert part.learnt == same.learnt == split.fitted().learnt
    assert torch.equal(part.labels, same.labels)
    assert torch.equal(part.matrix, same.matrix)
