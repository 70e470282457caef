"""Penalties of fine-tuning against their formulas, and relative learning rates."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from bench.adapt import penalties
from bench.adapt.penalties import FeatureMaps, ends_of_stages
from bench.adapt.relative_rates import RelativeRates
from bench.adapt.train import Recipe, Training
from bench.backbone.taps import listen
from bench.costs.meter import Meter, flop_counter
from methods.surgical import Surgical
from tests.adapt.test_ranking import CPU, backbone, train

IMAGES = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def moved() -> nn.Module:
    """The backbone with a head of three classes, and every weight a little elsewhere."""
    torch.manual_seed(0)
    network = backbone().network(3).train()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    return network


def test_l2_sp_pulls_to_the_start_and_the_head_to_zero() -> None:
    network, start = moved(), dict(backbone().module.named_parameters())
    rule = penalties.of("l2_sp", 0.5, backbone(), network)
    rule.penalty().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None
        from_where = torch.zeros_like(weight) if name.startswith("fc.") else start[name]
        assert torch.allclose(weight.grad, 0.5 * (weight - from_where), atol=1e-7)


def test_bss_is_the_square_of_the_last_singular_value() -> None:
    network = moved()
    rule = penalties.of("bss", 2.0, backbone(), network)
    network(IMAGES[:2])
    network(IMAGES)  # the last pass counts
    embeddings: list[Tensor] = []
    with listen(network, ["embedding"], lambda _name, value: embeddings.append(value)):
        network(IMAGES)
    matrix = embeddings[0].double().detach()
    smallest = torch.linalg.eigvalsh(matrix @ matrix.T)[0]
    value = rule.penalty()
    assert value.item() == pytest.approx(2 * smallest.item(), rel=1e-3)
    value.backward()
    rule.finish()
    assert network.layer1[0].conv1.weight.grad is not None  # type: ignore[index, union-attr]
    assert not network._forward_pre_hooks


def maps_of(module: nn.Module) -> list[Tensor]:
    """The last map of each stage, float64 (batch, channels, height, width)."""
    maps: list[Tensor] = []
    with torch.no_grad(), listen(module, ends_of_stages(module), lambda _name, output: maps.append(output.double())):
        module(IMAGES)
    return maps


def test_delta_is_the_squared_change_of_feature_maps() -> None:
    network = moved().eval()
    rule = penalties.of("delta", 0.01, backbone(), network)
    with flop_counter() as one:
        network(IMAGES)
    with flop_counter() as counter:
        value = rule.penalty()
    assert counter.get_total_flops() == pytest.approx(one.get_total_flops(), rel=0.05)  # the frozen network's pass
    maps = [maps_of(module) for module in (network, backbone().module)]
    squares = sum(((now - then) ** 2).mean(dim=(0, 2, 3)).sum().item() for now, then in zip(*maps, strict=True))
    expected = 0.5 * 0.01 * squares * FeatureMaps.BATCH
    assert value.item() == pytest.approx(expected, rel=1e-4)
    value.backward()
    rule.finish()


def test_stages_end_where_maps_do() -> None:
    assert ends_of_stages(timm.create_model("test_vit")) == [f"blocks.{number}" for number in range(6)]
    assert ends_of_stages(timm.create_model("test_convnext")) == [
        "stages.0.blocks.0",
        "stages.1.blocks.1",
        "stages.2.blocks.3",
        "stages.3.blocks.1",
    ]
    assert ends_of_stages(timm.create_model("resnet18")) == [f"layer{number}.1" for number in (1, 2, 3, 4)]


def test_rates_are_relative_to_the_tensor_that_would_move_most() -> None:
    torch.manual_seed(0)
    network = Surgical().network(backbone(), 2)
    meter = Meter(CPU)
    work = Training(backbone(), network, train(), Recipe(1, 0.1, 30, 0.0, 0.0), meter, rule := RelativeRates())
    torch.manual_seed(1)
    with flop_counter() as outer:
        rule.begin_epoch(work)
    assert meter.flops == outer.get_total_flops() > 0
    torch.manual_seed(1)
    ratios = []
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    for batch in work.epoch():
        work.differentiate(batch)
        ratios.append([(weight.grad.norm() / weight.norm()).item() for weight in trained if weight.grad is not None])
    means = torch.tensor(ratios).mean(0)
    expected = (means / means[means.isfinite()].max()).nan_to_num(1.0, posinf=1.0)
    scales = [group["lr_scale"] for group in work.optimiser.param_groups]
    assert torch.allclose(torch.tensor(scales), expected, rtol=1e-3)
    before = [weight.detach().clone() for weight in trained]
    work.step(work.epoch()[0], 0.1)
    steps = [(weight - old).abs().max().item() for weight, old in zip(trained, before, strict=True)]
    assert steps == pytest.approx([0.1 * scale for scale in scales], rel=0.02)  # Adam's first step is its rate
