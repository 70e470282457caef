"""Training on cached activations is training on the images, at the cost of the part behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.costs.meter import Meter, flop_counter
from methods.partial_k import PartialK
from tests.adapt.test_ranking import CPU, backbone, train

ONCE = PartialK(epochs=1, batch=16, lr=1e-3, drop_path=0.0, head="probe")


def fitted(monkeypatch: pytest.MonkeyPatch, cached: bool, epochs: int = 1) -> tuple[dict[str, torch.Tensor], int]:
    """What is kept of a training, and its FLOPs, with or without room for activations."""
    monkeypatch.setenv("HEAD2HEAD_CACHE", "off")
    monkeypatch.setattr("bench.backbone.activations.half_serves", lambda numbers: False)
    monkeypatch.setattr("bench.backbone.activations.fits", lambda wanted, device: cached)
    assert backbone().taps  # which layers there are is found once, by a pass that no method is charged for
    torch.manual_seed(0)
    meter = Meter(CPU)
    with flop_counter() as outer:
        kept = replace(ONCE, epochs=epochs).fit(backbone(), train(), meter).stored()
    assert meter.flops == pytest.approx(outer.get_total_flops(), rel=1e-3)
    return dict(kept), meter.flops


def test_a_training_on_activations_is_one_on_images(monkeypatch: pytest.MonkeyPatch) -> None:
    cached, flops = fitted(monkeypatch, True)
    whole, alike = fitted(monkeypatch, False)
    fresh = ONCE.network(backbone(), 2).state_dict()
    assert cached.keys() == whole.keys()
    for name, value in whole.items():
        assert (value - cached[name]).norm() <= 0.02 * (value - fresh[name]).norm(), name  # Adam blows rounding up
    assert flops == alike  # in one epoch each image passes the frozen part once
    assert fitted(monkeypatch, True, epochs=2)[1] < fitted(monkeypatch, False, epochs=2)[1]
