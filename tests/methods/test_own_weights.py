"""Methods that train weights of the network's own: how many, and what they become at the ends of their range."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import timm
import torch
from torch import nn

from bench.adapt.subset import SubsetMethod
from bench.costs.meter import Meter, flop_counter
from bench.spec import Split, UserError
from methods.bitfit import BitFit
from methods.l2_sp import L2SP
from methods.linear_probe import LinearProbe
from methods.lp_ft import LpFt
from methods.norm_tuning import NormTuning
from methods.partial_k import PartialK
from methods.surgical import Surgical
from methods.wise_ft import WiseFt
from tests.adapt.test_ranking import CPU, Stripes, backbone, train
from tests.methods.small_networks import images_for, small

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@lru_cache
def empty(name: str) -> nn.Module:
    """A network without numbers in its weights."""
    with torch.device("meta"):
        module: nn.Module = timm.create_model(name, num_classes=10)
    return module


@pytest.mark.parametrize(
    ("method", "name", "count"),
    [
        (PartialK(blocks=1), "vit_base_patch16_224", 7_089_408),
        (PartialK(blocks=2), "vit_base_patch16_224", 14_177_280),
        (PartialK(blocks=4), "vit_base_patch16_224", 28_353_024),
        (BitFit(), "vit_base_patch16_224", 102_912),
        (NormTuning(), "vit_base_patch16_224", 38_400),
        (Surgical(), "vit_base_patch16_224", 85_798_656),
        (NormTuning(), "resnet18", 9_600),
        (BitFit(), "resnet18", 4_800),
        (PartialK(), "resnet18", 2 * (512 * 512 * 9 + 2 * 512)),
        (Surgical(), "resnet18", 11_176_512 - 9_600),
    ],
)
def test_what_is_trained_beside_the_head_is_counted(method: SubsetMethod, name: str, count: int) -> None:
    network = empty(name)
    chosen = set(method.chosen(network)) - method.of_head(network)
    weights = dict(network.named_parameters())
    assert sum(weights[one].numel() for one in chosen) == count
    assert method.refusal(network) is None


def test_biases_of_queries_and_values_are_among_them() -> None:
    chosen = BitFit().chosen(empty("beit_base_patch16_224"))
    assert {"blocks.0.attn.q_bias", "blocks.11.attn.v_bias"} < set(chosen)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (NormTuning(), "norm_tuning needs norms and VGG has none"),
        (PartialK(), "partial_k needs a network of residual blocks"),
        (L2SP(penalty="delta"), "delta compares the maps of residual blocks and VGG has none"),
    ],
)
def test_a_network_without_a_place_for_it_is_refused(method: SubsetMethod, said: str) -> None:
    assert method.refusal(empty("vgg11")) == said


def test_more_blocks_than_there_are_is_refused() -> None:
    with pytest.raises(UserError, match="has 8 residual blocks; choose blocks from 1 to 8"):
        PartialK(blocks=9).chosen(empty("resnet18"))
    with pytest.raises(UserError, match="no penalty 'l1'; choose l2_sp, bss, delta"):
        L2SP(penalty="l1")


def test_the_ends_of_wise_ft_are_the_probe_and_lp_ft() -> None:
    """On the way between them every weight is where `alpha` says."""
    recipe, network = WiseFt(epochs=1, batch=20, lr=1e-3), backbone()

    def state(method: LpFt) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        return dict(method.fit(network, train(), Meter(CPU)).stored())

    tuned = state(LpFt(epochs=1, batch=20, lr=1e-3))
    start, middle, end = (state(replace(recipe, alpha=alpha)) for alpha in (0.0, 0.25, 1.0))
    for name, value in tuned.items():
        assert torch.allclose(end[name], value, atol=1e-7), name
        if value.is_floating_point():
            assert torch.allclose(middle[name], 0.75 * start[name] + 0.25 * end[name], atol=1e-5), name
    probe = LinearProbe().fit(backbone(), train(), Meter(CPU))
    logits = recipe.restore(backbone(), start, 2).logits(IMAGES)
    assert torch.allclose(logits, probe.logits(IMAGES), atol=1e-4)
    assert (logits - recipe.restore(backbone(), end, 2).logits(IMAGES)).abs().max() > 1e-2


@pytest.mark.parametrize("penalty", ["l2_sp", "bss", "delta"])
def test_every_penalty_changes_what_is_learnt_and_leaves_nothing_behind(penalty: str) -> None:
    start = backbone()

    def fitted(strength: float | None) -> nn.Module:
        torch.manual_seed(0)
        method = L2SP(epochs=1, batch=20, lr=1e-3, penalty=penalty, strength=strength)
        return method.fit(start, train(), Meter(CPU)).network

    network, free = fitted(None), fitted(0.0)
    assert not torch.equal(network.layer1[0].conv1.weight, free.layer1[0].conv1.weight)  # type: ignore[index, union-attr]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_what_is_trained_is_a_plain_network_of_timm() -> None:
    for method in (BitFit(epochs=1), NormTuning(epochs=1), PartialK(epochs=1), Surgical(epochs=1)):
        torch.manual_seed(0)
        adapted = method.fit(backbone(), train(), Meter(CPU))
        plain = backbone().network(2).eval()
        plain.load_state_dict(method.merged(adapted.network).state_dict())
        with torch.no_grad():
            scores = plain(backbone().inputs(IMAGES))
        assert torch.equal(scores, adapted.logits(IMAGES))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ViT", "EVA-02", "Swin", "ConvNeXt", "ResNet", "MobileNet"])
def test_they_run_in_every_family(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored restores the same scores, and every FLOP is charged, that of cached activations too."""
    monkeypatch.setenv("HEAD2HEAD_CACHE", "off")
    network, split = small(family), Split(Stripes(12), np.arange(12) % 2, 2, 4)
    assert network.taps  # found by a pass that no method is charged for
    for kind in (LpFt, WiseFt, PartialK, BitFit, NormTuning, Surgical):
        method, meter = kind(epochs=1, batch=8, lr=1e-3), Meter(CPU)
        assert method.refusal(network.module) is None
        with flop_counter() as outer:
            adapted = method.fit(network, split, meter)
        assert 0.99 <= meter.flops / outer.get_total_flops() <= 1.001
        restored = method.restore(network, adapted.stored(), 2)
        images = images_for(network)
        assert torch.allclose(restored.logits(images), adapted.logits(images), atol=1e-5)
