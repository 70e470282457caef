"""A trained network as it is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.adapt.trained import Trained
from bench.costs.meter import Meter
from tests import toy

CPU = torch.device("cpu")


def test_where_memory_runs_out_the_hits_are_counted_in_halves() -> None:
    torch.manual_seed(0)
    backbone: Any = toy.Toy()
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, toy.CLASSES))
    train = toy.task("toy/0").find(Path()).load().train
    adapted, roomy, cramped = Trained(backbone, network, nn.Module.state_dict), Meter(CPU), Meter(CPU)
    hits = adapted.hits(train, roomy)
    sizes: list[int] = []

    def full(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        sizes.append(len(given[0]))
        if len(given[0]) > 7:
            raise torch.OutOfMemoryError

    network.register_forward_pre_hook(full)
    assert adapted.hits(train, cramped) == hits > 0
    assert sizes == [20, 10, 5, 5, 5, 5]
    assert cramped.flops == roomy.flops > 0
