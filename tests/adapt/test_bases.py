"""What methods are built on: a method that trains a part of the network, one that inserts modules, and a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import timm
import torch
from torch import Tensor, nn

from bench.adapt import solvers
from bench.adapt.bases import ProbeMethod, TrainedMethod
from bench.adapt.trained import Trained
from bench.backbone.network import TimmBackbone
from bench.costs.meter import Meter, flop_counter
from bench.spec import Adapted, Backbone, BackboneSpec, UserError
from methods.fine_tune import FineTune
from methods.lora import Lora
from tests.adapt.test_ranking import CPU, backbone, train


@dataclass(frozen=True)
class Biases(TrainedMethod):
    """Trains biases and the head, in eval mode."""

    lr: float = 0.01
    epochs: int = 2

    def network(self, backbone: Backbone, classes: int) -> nn.Module:
        network = backbone.network(classes).eval()
        for name, weight in network.named_parameters():
            weight.requires_grad_(name.endswith("bias") or name.startswith("fc."))
        return network

    def kept(self, network: nn.Module) -> Mapping[str, Tensor]:
        return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}

    def load(self, network: nn.Module, stored: Mapping[str, Tensor]) -> None:
        network.load_state_dict({**network.state_dict(), **stored})


class Scaled(nn.Module):
    """A module with a learned scale on each channel of its output."""

    def __init__(self, inner: nn.Module, channels: int) -> None:
        super().__init__()
        self.inner, self.scale = inner, nn.Parameter(torch.ones(channels))

    def forward(self, images: Tensor) -> Tensor:
        scaled: Tensor = self.inner(images) * self.scale[:, None, None]
        return scaled


@dataclass(frozen=True)
class Scales(Biases):
    """Trains a scale inserted after the second stage, and the head."""

    def network(self, backbone: Backbone, classes: int) -> nn.Module:
        network = backbone.network(classes).eval().requires_grad_(False)
        network.get_classifier().requires_grad_(True)  # type: ignore[operator]
        network.layer2 = Scaled(network.layer2, 64)  # type: ignore[arg-type]
        return network


@dataclass(frozen=True)
class FirstFeatures(ProbeMethod):
    """A head of ones on the first features of the layers."""

    target: int = 64

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        head = solvers.zero(examples.matrix[:, :3], examples.classes)
        return replace(head, weight=head.weight + 1, selected=torch.arange(3))


def fitted(method: TrainedMethod | ProbeMethod) -> Adapted:
    network = backbone()
    torch.manual_seed(0)
    return method.fit(network, train(), Meter(CPU))


@pytest.mark.parametrize(("method", "count"), [(Biases(), None), (Scales(), 3), (FirstFeatures(), 3)])
def test_what_is_kept_is_enough_to_restore(method: TrainedMethod | ProbeMethod, count: int | None) -> None:
    adapted = fitted(method)
    stored = adapted.stored()
    assert count is None or len(stored) == count
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    restored = method.restore(backbone(), stored, 2)
    assert torch.equal(restored.logits(images), adapted.logits(images))


def test_what_requires_no_gradient_is_not_trained() -> None:
    before, after = backbone().module.state_dict(), fitted(Biases()).network.state_dict()  # type: ignore[attr-defined]
    changed = {name for name, value in before.items() if not name.startswith("fc") and not value.equal(after[name])}
    assert changed == {name for name, _ in backbone().module.named_parameters() if name.endswith("bias")} - {"fc.bias"}


def test_what_is_inserted_is_trained() -> None:
    scale = fitted(Scales()).stored()["layer2.scale"]
    assert not torch.equal(scale, torch.ones(64))


def test_a_training_may_be_expected_to_take_three_passes_an_epoch() -> None:
    assert Biases(epochs=7).passes == 21
    assert FirstFeatures().passes == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224"])
def test_what_lora_adds_is_merged_for_evaluation(name: str) -> None:
    """A restored network has the same scores for the FLOPs of the plain one, and keeps what it was made of."""
    torch.manual_seed(0)
    module = timm.create_model(name, **({"depth": 2, "img_size": 32} if name.startswith("vit") else {}))
    plain = TimmBackbone(BackboneSpec(name, image_size=32), module, CPU)
    method = Lora(rank=2)
    network = method.network(plain, 5)
    for key, weight in network.named_parameters():
        if "lora_B" in key:
            nn.init.normal_(weight, std=0.05)
    adapted = Trained(plain, network.eval(), method.kept)
    restored = method.restore(plain, adapted.stored(), 5)
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    with flop_counter() as merged:
        scores = restored.logits(images)
    assert torch.allclose(scores, adapted.logits(images), atol=1e-4)
    with torch.no_grad(), flop_counter() as bare:
        untrained = plain.network(5).eval()(plain.inputs(images))
    assert merged.get_total_flops() == bare.get_total_flops()
    assert (scores - untrained).abs().max() > 1e-2
    again, kept = restored.stored(), adapted.stored()
    assert all(torch.equal(again[key], kept[key]) for key in kept) and len(again) == len(kept)


@pytest.mark.parametrize("start", ["zero", "probe"])
def test_a_fresh_head_starts_at_zero_or_as_the_probe(start: str) -> None:
    """With a learning rate of next to nothing the network answers as its head started."""
    method = FineTune(epochs=1, lr=1e-12, head=start, weight_decay=0.0)
    adapted = method.fit(backbone(), train(), Meter(CPU))
    scores = adapted.logits(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    head = adapted.network.get_classifier()  # type: ignore[operator]
    probe = solvers.linear_probe(solvers.read_examples(backbone(), train(), None, Meter(CPU)))
    assert torch.allclose(head.weight, probe.weight.T if start == "probe" else torch.zeros(()), atol=1e-6)
    assert scores.abs().max() > 0.01 if start == "probe" else scores.abs().max() < 1e-6


def test_a_head_that_starts_elsewhere_is_refused() -> None:
    with pytest.raises(UserError, match="no head starts at 'random'; choose zero or probe"):
        FineTune(head="random")
