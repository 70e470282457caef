"""The meter: what it counts agrees with a count of everything and with a closed form."""

from __future__ import annotations

import math
import time

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench.costs.budget import Amount, Budget, BudgetSpent
from bench.costs.meter import AHEAD, Meter, flop_counter

CPU = torch.device("cpu")


def train_step(network: nn.Module, images: torch.Tensor) -> None:
    functional.cross_entropy(network(images), torch.zeros(len(images), dtype=torch.long)).backward()


def test_two_linear_layers_in_closed_form() -> None:
    network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
    meter = Meter(CPU)
    for _ in range(7):
        meter.step("train", lambda: train_step(network, torch.randn(8, 20)))
    forward = 2 * 8 * (20 * 30 + 30 * 5)
    backward = forward + 2 * 8 * 30 * 5  # gradients of all weights, and of the one input that has one
    assert meter.flops == 7 * (forward + backward)


@pytest.mark.parametrize("groups", [1, 3, 12])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_in_closed_form(groups: int, stride: int) -> None:
    """Forward, the gradient of the input and that of the weight cost the same, however many groups there are."""
    network = nn.Conv2d(12, 24, 5, stride, padding=2, groups=groups)
    images = torch.randn(4, 12, 10, 14, requires_grad=True)
    meter = Meter(CPU)
    meter.step("train", lambda: network(images).sum().backward())
    assert meter.flops == 3 * 2 * 4 * (10 // stride) * (14 // stride) * 24 * (12 // groups) * 25


def test_a_frozen_input_costs_no_gradient() -> None:
    network = nn.Conv2d(3, 16, 5, padding=2)
    meter = Meter(CPU)
    meter.step("train", lambda: network(torch.randn(4, 3, 10, 12)).sum().backward())
    assert meter.flops == 2 * 2 * 4 * 10 * 12 * 16 * 3 * 25


def test_torchs_own_count_agrees_without_groups() -> None:
    """A correction of ours that is no longer needed, or no longer right, shows here."""
    network, images = timm.create_model("test_resnet", num_classes=5), torch.randn(4, 3, 64, 64)
    counts = []
    for counter in (FlopCounterMode(display=False), flop_counter()):
        with counter:
            train_step(network, images)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_per_shape_count_equals_a_count_of_every_step(name: str) -> None:
    network = timm.create_model(name, num_classes=5)
    size = network.default_cfg["input_size"][-1]
    batches = [torch.randn(n, 3, size, size) for n in (4, 4, 3, 4, 3)]
    meter = Meter(CPU)
    for images in batches:
        meter.step(("train", images.shape), lambda images=images: train_step(network, images))
    with flop_counter() as counter:
        for images in batches:
            train_step(network, images)
    assert meter.flops == counter.get_total_flops()


def test_work_without_a_signature_is_counted_each_time() -> None:
    meter, sizes = Meter(CPU), (3, 5, 3)
    for size in sizes:
        meter.step(None, lambda size=size: torch.ones(size, size) @ torch.ones(size, size))
    assert meter.flops == sum(2 * size**3 for size in sizes)


def test_fused_attention_is_counted_forward_and_backward() -> None:
    counts = []
    for fused in (True, False):
        network = timm.create_model("test_vit", num_classes=5)
        for block in network.blocks:
            block.attn.fused_attn = fused
        meter = Meter(CPU)
        size = network.default_cfg["input_size"][-1]
        meter.step("train", lambda network=network, size=size: train_step(network, torch.randn(2, 3, size, size)))
        counts.append(meter.flops)
    fused_flops, plain_flops = counts
    assert plain_flops <= fused_flops <= 1.05 * plain_flops  # the fused kernel computes the scores again going back


def test_shared_work_is_attributed_in_full_to_each() -> None:
    shared = Meter(CPU)
    shared.step("work", lambda: (time.sleep(0.02), torch.ones(4, 4) @ torch.ones(4, 4)))
    shared.stop()
    for _ in range(2):
        alone = Meter(CPU)
        alone.found(shared.flops, shared.seconds)
        alone.step("head", lambda: torch.ones(2, 2) @ torch.ones(2, 2))
        alone.stop()
        assert alone.flops == 2 * 4**3 + 2 * 2**3
        assert alone.seconds > shared.seconds >= 0.02


def test_a_spent_budget_stops_between_steps() -> None:
    budget = Budget(Amount(0.01, math.inf))
    budget.start()
    meter = Meter(CPU, budget)
    with pytest.raises(BudgetSpent):
        for _ in range(1000):
            meter.step("nap", lambda: time.sleep(0.002))
    assert budget.remaining().seconds >= 0


class Stream:
    """A GPU's stream: steps are finished only when somebody waits for them. Events are recorded at its end."""

    def __init__(self) -> None:
        self.issued = self.finished = 0

    def event(self) -> Event:
        return Event(self)


class Event:
    """A CUDA event, which can be recorded again."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.at = stream, 0

    def record(self, stream: Stream) -> None:
        self.at = stream.issued

    def synchronize(self) -> None:
        self.stream.finished = max(self.stream.finished, self.at)


def test_the_host_is_a_few_steps_ahead_of_a_gpu_and_never_waits_for_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, ahead = Stream(), []
    monkeypatch.setattr(torch.cuda, "Event", stream.event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    meter = Meter(torch.device("cuda", 0), Budget())

    def work() -> None:
        stream.issued += 1

    for _ in range(50):
        meter.step("work", work)
        ahead.append(stream.issued - stream.finished)
    assert ahead[:AHEAD] == list(range(1, AHEAD + 1))
    assert set(ahead[AHEAD:]) == {AHEAD}


def test_what_is_no_number_is_no_point_of_a_curve() -> None:
    meter = Meter(torch.device("cpu"))
    for at, value in enumerate((0.5, float("nan"), float("inf"), 0.25)):
        meter.point("found", at, value)
    assert meter.curves == {"found": [(0, 0.5), (3, 0.25)]}
