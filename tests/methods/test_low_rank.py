"""The low-rank family on every family of networks: where methods start, what learns, what is kept and folded."""

from __future__ import annotations

from typing import Any

import peft
import pytest
import timm
import torch
from torch import nn

from bench.adapt.bases import TrainedMethod
from bench.adapt.trained import Trained
from bench.backbone.network import TimmBackbone
from bench.registry import METHODS
from bench.spec import BackboneSpec, UserError
from methods.hra import Hra
from methods.lora import Lora
from methods.vera import Vera
from tests.methods.small_networks import NETWORKS, images_for, small

NAMES = [*METHODS.select(["low_rank"]), "fact:form=tk"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
BEHIND_ZEROS = (
    "lora_A",
    "lokr_w2",
    "lambda_d",
    "fact.u",
    "fact.core",
    "fact.places",
    "dtl.down",
)  # what has no gradient but zero until another factor has moved
TO_COUNT = {
    "lora": (294_912, 442_368, 1_179_648),
    "dora": (322_560, 479_232, 1_262_592),
    "lokr": (21_504, 34_560, 80_640),
    "hra": (73_728, 147_456, 516_096),
    "ia3": (27_648, 36_864, 110_592),
    "vera": (30_720, 43_008, 95_232),
}
SHARED = {  # by methods that are not added layer by layer
    "dtl": 36_864, "fact:rank=4": 8_448, "fact": 21_504, "fact:rank=16": 61_440, "fact:rank=32": 196_608,
    "fact:form=tk": 13_952, "fact:form=tk:rank=16": 30_976, "fact:form=tk:rank=64": 369_664,
}  # fmt: skip


def method_of(label: str, **fixed: Any) -> TrainedMethod:
    made: Any = METHODS.select([label])[label](**fixed)
    return made  # type: ignore[no-any-return]


def network_of(method: TrainedMethod, backbone: TimmBackbone) -> nn.Module:
    """What is trained, with a head that is not zero."""
    torch.manual_seed(0)
    network = method.network(backbone, 3)
    nn.init.normal_(method.classifier(network).weight, std=0.5)  # type: ignore[arg-type]
    return network


def own(method: TrainedMethod, network: nn.Module) -> dict[str, nn.Parameter]:
    """What is trained beside the head."""
    head = {id(weight) for weight in method.classifier(network).parameters()}
    named = network.named_parameters()
    return {name: weight for name, weight in named if weight.requires_grad and id(weight) not in head}


@pytest.mark.parametrize("family", NETWORKS)
@pytest.mark.parametrize("name", NAMES)
def test_it_starts_as_the_network_learns_everywhere_and_folds(name: str, family: str) -> None:
    method, backbone = method_of(name, drop_path=0.0), small(family)
    if method.refusal(backbone.module):
        with pytest.raises(UserError, match=type(backbone.module).__name__):
            method.network(backbone, 3)
        return
    network, images = network_of(method, backbone), images_for(backbone)
    plain = backbone.network(3).eval()
    head: Any = plain.get_classifier()  # type: ignore[operator]
    head.load_state_dict(method.classifier(network).state_dict())
    started = Trained(backbone, network.eval(), method.kept).logits(images)
    assert torch.allclose(started, Trained(backbone, plain, method.kept).logits(images), rtol=1e-5, atol=1e-5)

    network(backbone.inputs(images)).square().sum().backward()
    trained = own(method, network)
    assert all(weight.grad is not None for weight in trained.values())
    still = {name for name, weight in trained.items() if not weight.grad.abs().sum()}  # type: ignore[union-attr]
    assert all(any(part in name for part in BEHIND_ZEROS) for name in still)

    with torch.no_grad():
        for weight in trained.values():
            weight += 0.05 * torch.randn(weight.shape)
    adapted = Trained(backbone, network.eval(), method.kept)
    scores, stored = adapted.logits(images), dict(adapted.stored())
    assert (scores - started).abs().max() > 1e-3
    assert sum(value.numel() for value in stored.values()) == sum(
        weight.numel() for weight in network.parameters() if weight.requires_grad
    )
    restored = method.restore(backbone, stored, 3)
    assert torch.allclose(restored.logits(images), scores, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(value, restored.stored()[name]) for name, value in stored.items())
    if name == "dtl":
        with pytest.raises(UserError, match="cannot be folded"):
            method.merged(network)
        return
    assert set(restored.network.state_dict()) == set(plain.state_dict())
    again = timm.create_model(backbone.spec.name, num_classes=3, **backbone.spec.args).eval()
    again.load_state_dict(method.merged(network).state_dict())
    assert torch.allclose(Trained(backbone, again, method.kept).logits(images), scores, rtol=1e-5, atol=1e-5)


class Shapes(TimmBackbone):
    """ViT-B/16 without memory: its tensors have shapes alone."""

    def network(self, classes: int, *, pretrained: bool = True) -> nn.Module:
        network = timm.create_model("vit_base_patch16_224", num_classes=classes)
        network.cpu = lambda: network
        return network  # type: ignore[no-any-return]


@pytest.mark.parametrize("label", SHARED)
def test_numbers_of_what_blocks_share_on_vit_b_16(label: str) -> None:
    with torch.device("meta"):
        backbone = Shapes(BackboneSpec("vit_base_patch16_224"), timm.create_model("test_vit"), torch.device("meta"))
        method = method_of(label)
        assert sum(weight.numel() for weight in own(method, method.network(backbone, 3)).values()) == SHARED[label]


@pytest.mark.parametrize("name", TO_COUNT)
def test_numbers_on_vit_b_16(name: str) -> None:
    with torch.device("meta"):
        backbone = Shapes(BackboneSpec("vit_base_patch16_224"), timm.create_model("test_vit"), torch.device("meta"))
        methods = [method_of(name, targets=targets) for targets in ("qkv", "attention", "all")]
        sizes = [[weight.numel() for weight in own(one, one.network(backbone, 3)).values()] for one in methods]
    assert tuple(map(sum, sizes)) == TO_COUNT[name]


def test_projections_are_drawn_again_and_not_kept() -> None:
    method, backbone = Vera(rank=8), small("ViT")
    stored = dict(Trained(backbone, network_of(method, backbone), method.kept).stored())
    assert not [name for name in stored if "vera_A" in name or "vera_B" in name]
    other = Vera(rank=8, projection_key=1)
    for name in stored:
        stored[name] = stored[name] + 0.1
    images = images_for(backbone)
    same, moved = (one.restore(backbone, stored, 3).logits(images) for one in (method, other))
    assert (same - moved).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Lora(targets="mlp"), "targets are one of qkv, attention, all, not 'mlp'"),
        (lambda: Hra(rank=3), "a rank of 3 reflections does not start in pairs that cancel; choose an even one"),
        (lambda: Lora(rank=64).network(small("ViT"), 3), "no layer of .* as wide as the rank 64; choose .* at most 48"),
        (lambda: Hra(rank=64).network(small("ViT"), 3), "no layer of .* as wide as the rank 64; choose .* at most 48"),
    ],
)
def test_what_has_no_place_is_told(make: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        make()


def test_a_peft_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(peft.PEFT_TYPE_TO_CONFIG_MAPPING, "VERA")
    with pytest.raises(UserError, match=r"peft .* has no VERA yet; upgrade it \(pip install -U peft\)"):
        Vera().network(small("ViT"), 3)


@pytest.mark.parametrize("name", ["resnetv2_50x1_bit", "nf_regnet_b0"])
def test_factors_beside_standardised_weights_would_not_start_small(name: str) -> None:
    """What peft would do is seen on one layer, and is refused."""
    with torch.device("meta"):
        network = timm.create_model(name)
    assert "so that no update starts small" in str(Lora().refusal(network))
    layer = type(next(one for one in network.modules() if isinstance(one, nn.Conv2d)))(8, 8, 3)
    torch.manual_seed(0)
    wrapped: Any = peft.get_peft_model(nn.Sequential(layer), peft.LoraConfig(target_modules=["0"]))
    images = torch.rand(1, 8, 9, 9)
    nn.init.normal_(wrapped.base_model.model[0].lora_B["default"].weight, std=1e-6)
    assert (wrapped(images) - layer(images)).abs().max() > 1e-3
