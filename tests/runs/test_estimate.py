"""What a cell is expected to cost: by the backbone's own speed at first, then by what was measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench.costs.budget import Amount
from bench.records.cells import Tuning
from bench.runs.estimate import Estimator
from bench.runs.plan import plan
from bench.spec import BackboneSpec
from methods.fine_tune import FineTune
from tests import toy


class Halting(nn.Module):
    """Takes as many seconds as told, pass by pass."""

    def __init__(self, seconds: list[float]) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])
        return images


def test_a_forward_pass_that_other_work_held_up_does_not_count() -> None:
    backbone: Any = toy.Toy()
    backbone.module = Halting([0.3, 0.2, 0.2, 0.005])
    assert Estimator(backbone, []).forward.seconds == pytest.approx(0.005 / 32, rel=0.5)


def test_a_slow_forward_pass_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runs.estimate.LONG", 0.05)
    backbone: Any = toy.Toy()
    backbone.module = Halting([0.0, 0.1, 0.0])
    assert Estimator(backbone, []).forward.seconds >= 0.1 / 32


@pytest.mark.parametrize(("name", "epochs"), [("fine_tune", (15 + 30 + 60 + 100) / 4), ("fine_tune:epochs=15", 15.0)])
def test_a_plan_reckons_with_what_a_search_may_draw(name: str, epochs: float) -> None:
    made = {"toy/0": toy.task("toy/0")}
    (cell,) = plan({name: FineTune}, made, BackboneSpec("demo"), [0], Path(), Tuning(5, "tpe", 0)).cells
    backbone: Any = toy.Toy()
    estimate = Estimator(backbone, [])
    estimate.__dict__["forward"] = Amount(1.0, 1.0)
    trial, final = 1.5 * (0.8 * 45 + 0.2) * 20, 1.5 * (45 * 20 + 12)
    assert estimate.tuned(cell).seconds == pytest.approx(trial + (4 * trial + final) * epochs / 15)
