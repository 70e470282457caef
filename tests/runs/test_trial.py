"""A trial: what its looks at the validation images are charged to the budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench.costs.budget import Budget
from bench.costs.meter import Meter, flop_counter
from bench.runs.trial import Trial
from bench.spec import Split
from tests import toy


@dataclass(frozen=True)
class TwoNetworks:
    """A method that trains two networks of different width, one after the other."""

    folds: int = 1

    def fit(self, backbone: Any, train: Split, meter: Any) -> toy.Known:
        """Shows both to the meter, as a training loop does after an epoch."""
        for width in (8, 64):
            layers = torch.nn.Linear(192, width), torch.nn.Linear(width, toy.CLASSES)
            network = torch.nn.Sequential(torch.nn.Flatten(), *layers)
            meter.epoch(1, 1, 0.5, lambda images, network=network: network(images.float()))
        return toy.Known(1.0)


def test_each_look_is_charged_for_the_network_it_looks_at() -> None:
    train = toy.task("toy/0").find(Path()).load().train
    budget, backbone, method = Budget(), toy.Toy(), TwoNetworks()
    with flop_counter() as outer:
        Trial(backbone, train, budget, seed=0).run(method, Meter(backbone.device, budget), lambda done, found: None)  # type: ignore[arg-type]
    assert budget.pending.flops == outer.get_total_flops() > 0


def test_where_memory_runs_out_a_look_goes_on_in_halves_with_the_same_result() -> None:
    backbone: Any = toy.Toy()
    train = toy.task("toy/0").find(Path()).load().train
    trial = Trial(backbone, train, Budget(), seed=0)
    sizes: list[int] = []

    class Cramped(toy.Answers):
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            sizes.append(len(images))
            if len(images) > 3:
                raise torch.OutOfMemoryError
            return super().logits(images)

    roomy, cramped = toy.Answers(0), Cramped(0)
    assert trial.accuracy(cramped, train) == trial.accuracy(roomy, train) == 0.25
    assert sizes == [20, 10, 5, 2, 2, 1, 2, 2, 1, *[2] * 5]
