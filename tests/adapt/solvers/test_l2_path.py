"""Paths of l2 penalties: which one is chosen, and heads that start each other."""

from __future__ import annotations

import torch

from bench.adapt.solvers.examples import Examples
from bench.adapt.solvers.head import Head
from bench.adapt.solvers.l2_path import choose_l2, heads_along
from bench.adapt.solvers.logistic import standardised
from bench.backbone.features import Features
from bench.costs.meter import Meter
from tests.adapt.solvers.test_lasso import CPU, problem


def test_the_strongest_of_equals_is_chosen_and_each_head_starts_the_next() -> None:
    tried: list[tuple[float, float]] = []

    def solve(head: Head, l2: float) -> Head:
        tried.append((float(head.bias), l2))
        return Head(head.weight, torch.tensor(l2))

    hits = {8.0: 1, 4.0: 3, 2.0: 3, 1.0: 2}
    start = Head(torch.zeros(1), torch.tensor(0.0))
    assert choose_l2((8.0, 4.0, 2.0, 1.0), start, solve, lambda head: hits[float(head.bias)]) == (4.0, 3)
    assert tried == [(0.0, 8.0), (8.0, 4.0), (4.0, 2.0), (2.0, 1.0)]


def test_heads_along_a_path_are_those_that_are_solved_alone() -> None:
    features, labels = problem(200, 20, 4)
    path = (0.01, 1.0, 0.1)
    examples = [Examples(Features((features,)), labels, 4, 160, ["embedding"], Meter(CPU)) for _ in path]
    heads = heads_along(path, examples)
    for l2, head in zip(path, heads, strict=True):
        alone = standardised(features, labels, 4, l2, Meter(CPU))
        assert torch.allclose(head.scores(features).softmax(1), alone.scores(features).softmax(1), atol=5e-3)
    coordinates = 2 * 200 * 20**2
    assert examples[1].meter.flops > coordinates  # the strongest has them
    assert all(one.meter.flops > 0 for one in examples)
