"""The attentive probe: its formula in float64, forward and gradient, its counts, and training on cached tokens."""

from __future__ import annotations

import math

import pytest
import torch

from bench.adapt.attentive import AttentiveHead, groups
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.spec import UserError
from methods.attentive_probe import AttentiveProbe
from tests.small import CPU, network_of, split


def reference(head: AttentiveHead, tokens: torch.Tensor) -> torch.Tensor:
    """Query by query from the paper's formula: values of all tokens, and the batch's own statistics."""
    count, width = head.queries.shape
    size = width // count
    values = tokens @ head.values.weight.T
    read = []
    for group in range(count):
        similar = tokens @ head.queries[group] / math.sqrt(width)
        weights = similar.exp() / similar.exp().sum(1, keepdim=True)
        read.append((weights[:, :, None] * values[:, :, group * size : (group + 1) * size]).sum(1))
    found = torch.cat(read, dim=1)
    normed = (found - found.mean(0)) / (found.var(0, correction=0) + 1e-6).sqrt()
    return normed @ head.head.weight.T + head.head.bias


def test_it_is_the_papers_formula_forward_and_backward() -> None:
    torch.manual_seed(0)
    head, tokens = AttentiveHead(24, 4, 5).double(), torch.randn(7, 11, 24, dtype=torch.float64)
    with torch.no_grad():
        head.queries.mul_(50)  # so that weights differ
    weigh = torch.randn(7, 5, dtype=torch.float64)
    ours, theirs = head(tokens), reference(head, tokens)
    assert torch.allclose(ours, theirs, atol=1e-10)
    trained = list(head.parameters())
    gradients = [torch.autograd.grad((scores * weigh).sum(), trained) for scores in (ours, theirs)]
    assert all(torch.allclose(*pair, atol=1e-8) for pair in zip(*gradients, strict=True))


def test_counts_on_vit_b() -> None:
    with torch.device("meta"):
        head = AttentiveHead(768, groups(768, 32), 10)
    assert sum(weight.numel() for weight in (head.queries, head.values.weight)) == 614_400


def test_queries_divide_the_width() -> None:
    assert [groups(768, 32), groups(368, 32), groups(7, 32), groups(13, 4)] == [32, 23, 7, 1]


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "swin"])
def test_what_is_kept_gives_the_same_scores(name: str) -> None:
    network, train = network_of(name), split()
    method = AttentiveProbe(epochs=2)
    torch.manual_seed(0)
    adapted = method.fit(network, train, Meter(CPU))
    images = pixels(train.images, network.image_size)[:10]
    restored = method.restore(network, adapted.stored(), train.classes)
    assert torch.allclose(restored.logits(images), adapted.logits(images), atol=1e-6)
    assert not any(name.startswith("network") for name in adapted.stored())
    assert all(not weight.requires_grad for weight in network.module.parameters())


def test_it_learns_from_tokens_that_are_computed_once() -> None:
    network, train = network_of("test_vit"), split()
    passes: list[int] = []
    embed = network.module.get_submodule("patch_embed")
    handle = embed.register_forward_pre_hook(lambda _module, inputs: passes.append(len(inputs[0])))
    meter = Meter(CPU)
    AttentiveProbe(epochs=10, lr=3e-3).fit(network, train, meter)
    handle.remove()
    losses = [value for _, value in meter.curves["loss"]]
    assert losses[-1] < 0.95 * losses[0]
    assert sum(passes) == len(train.labels) + 2 * 2, "all once, and two images to try whether that can be"


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"head": "probe"}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        AttentiveProbe(**wrong)  # type: ignore[arg-type]
