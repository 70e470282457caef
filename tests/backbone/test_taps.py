"""Taps and pooling: the paper's own counts, every family of timm, and features that are computed once."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from bench.backbone.extract import BATCH, Sink
from bench.backbone.features import Features, TaskImages, features
from bench.backbone.forward import taps
from bench.backbone.network import TimmBackbone, load
from bench.backbone.pooling import pool, pooled_width
from bench.backbone.taps import EMBEDDING, find_taps
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.spec import BackboneSpec, Subset, UserError

CPU = torch.device("cpu")


class Noise:
    """Random pictures of several sizes that count how often they are decoded."""

    def __init__(self, count: int, size: int = 48) -> None:
        self.count, self.size, self.decoded = count, size, 0

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        self.decoded += 1
        shape = (self.size + index % 5, self.size, 3)
        return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module", params=["test_resnet", "test_vit"])
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TimmBackbone:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model(request.param).state_dict(), path)
    return load(BackboneSpec(request.param, path, image_size=64), CPU)


# Head2Toe's own counts for ResNet-50 at 240 px (its code and paper), and 53 taps for ViT-B/16.
@pytest.mark.parametrize(("target", "count"), [(512, 32_232), (8_192, 405_224), (40_000, 2_981_608)])
def test_resnet50_gives_the_papers_numbers_of_features(target: int, count: int) -> None:
    taps = find_taps(timm.create_model("resnet50").eval(), 240)
    assert len(taps) == 52
    assert sum(pooled_width(tap, target) for tap in taps) == count


def test_vit_has_the_papers_number_of_taps() -> None:
    assert len(find_taps(timm.create_model("vit_base_patch16_224").eval(), 224)) == 53


@pytest.mark.parametrize(
    "name",
    [
        "test_resnet", "test_vit", "test_convnext", "test_efficientnet", "test_byobnet", "test_mambaout", "test_nfnet",
        "test_vit2", "test_vit3", "test_vit4", "mobilenetv3_small_050", "regnety_002", "densenet121", "ghostnet_050",
        "swin_tiny_patch4_window7_224", "deit_tiny_patch16_224", "vit_tiny_r_s16_p8_224", "resnetv2_50",
    ],
)  # fmt: skip
def test_every_family_has_taps_that_pool(name: str) -> None:
    network = timm.create_model(name).eval()
    taps = find_taps(network, network.default_cfg["input_size"][-1])
    assert len(taps) >= 8
    assert len({tap.name for tap in taps}) == len(taps)
    assert EMBEDDING in {tap.name for tap in taps}
    for tap in taps:
        for target in (16, 512, 8192, None if tap.layout == "vector" else 50_000):
            pooled = pool(torch.zeros(2, *tap.shape), tap.layout, target)
            assert pooled.shape == (2, pooled_width(tap, target))


def test_a_network_without_a_head_has_no_logits() -> None:
    with_head = find_taps(timm.create_model("test_resnet").eval(), 64)
    without = find_taps(timm.create_model("test_resnet", num_classes=0).eval(), 64)
    assert [tap.name for tap in with_head[:-1]] == [tap.name for tap in without]


def windows_by_hand(maps: np.ndarray, target: int) -> np.ndarray:
    channels, height, width = maps.shape
    if channels >= target:
        return maps.mean((1, 2))
    side = max(1, width // int((target // channels) ** 0.5))
    cells = [
        maps[:, row : row + side, column : column + side].mean((1, 2))
        for row in range(0, height - side + 1, side)
        for column in range(0, width - side + 1, side)
    ]
    return np.stack(cells).ravel()  # place by place


@pytest.mark.parametrize("target", [4, 16, 30, 70, 300, 5000])
def test_windows_of_a_map_are_those_averaged_by_hand(target: int) -> None:
    maps = np.random.default_rng(0).random((7, 13, 13))
    pooled = pool(torch.from_numpy(maps)[None], "nchw", target)[0].numpy()
    assert np.allclose(pooled, windows_by_hand(maps, target))
    last = pool(torch.from_numpy(maps.transpose(1, 2, 0).copy())[None], "nhwc", target)[0].numpy()
    assert np.allclose(last, pooled)


def test_tokens_are_pooled_in_raster_order() -> None:
    tokens = torch.arange(12.0).view(1, 6, 2)
    assert pool(tokens, "tokens", 2).tolist() == [[5.0, 6.0]]
    assert pool(tokens, "tokens", 4).tolist() == [[2.0, 3.0, 8.0, 9.0]]
    assert pool(tokens, "tokens", 10**6).shape == (1, 12)


def test_the_backbone_runs_once_for_the_same_features(backbone: TimmBackbone) -> None:
    noise = Noise(70)
    images = TaskImages(noise, backbone)
    first, second = Meter(CPU), Meter(CPU)
    one = features(backbone, images, 64, first)
    sizes: list[object] = []
    handle = backbone.module.register_forward_hook(lambda *_: sizes.append(1))
    two = features(backbone, images, 64, second)
    handle.remove()
    assert all(a is b for a, b in zip(one.held, two.held, strict=True))
    assert not sizes
    assert first.flops == second.flops > 0
    assert second.seconds > 0
    assert noise.decoded == 70


def embedded(backbone: TimmBackbone, images: Noise, *targets: int | None) -> list[Features]:
    """Features of all targets, computed anew in one pass."""
    fresh = TaskImages(images, backbone)
    fresh.prepare(targets, Meter(CPU))
    return [features(backbone, fresh, target, Meter(CPU)) for target in targets]


def test_several_targets_from_one_pass_are_those_of_one_each(backbone: TimmBackbone) -> None:
    images = Noise(5)
    for target, together in zip((None, 32, 256), embedded(backbone, images, None, 32, 256), strict=True):
        (alone,) = embedded(backbone, images, target)
        assert alone.widths == together.widths
        assert torch.equal(alone.concatenated(), together.concatenated())


def test_the_embedding_is_what_the_classifier_reads(backbone: TimmBackbone) -> None:
    images = Noise(5)
    (embedding,) = embedded(backbone, images, None)
    with torch.no_grad():
        maps = backbone.module.forward_features(backbone.inputs(pixels(images, 64)))
        expected = backbone.module.forward_head(maps, pre_logits=True)
    assert torch.allclose(embedding.concatenated(), expected, atol=1e-6)


def test_what_half_precision_cannot_hold_is_held_whole(backbone: TimmBackbone, passes: list[int]) -> None:
    images = Noise(70)
    half = features(backbone, images, 64, Meter(CPU))
    with torch.no_grad():
        rounded = [
            (block.float() - exact).norm() / exact.norm()
            for block, exact in zip(half.held, exact_of(backbone), strict=True)
        ]
    assert {block.dtype for block in half.held} == {torch.float16}
    assert 0 < max(rounded) < 2**-10


def exact_of(backbone: TimmBackbone) -> tuple[torch.Tensor, ...]:
    sink = Sink(backbone, 70, [64], exact=True)
    for batch in pixels(Noise(70), 64).split(BATCH):
        sink.take(batch)
    return sink.extract(64, Meter(CPU)).held


@pytest.mark.parametrize("first", [True, False])
def test_numbers_out_of_half_precisions_range_are_held_whole(first: bool) -> None:
    """Where the first batch shows it at once; where only a later one does, in a second pass that alone is charged."""
    network = timm.create_model("test_resnet").eval()
    backbone = TimmBackbone(BackboneSpec("test_resnet", image_size=64), network, CPU)
    meter, usual = Meter(CPU), Meter(CPU)
    images = Faint(70, 0 if first else BATCH)
    with torch.no_grad():  # a logit that is 0 for a black picture and 200,000 for the last of these
        black, last = features(backbone, Faint(70, 69), None, usual).concatenated()[[0, 69]]
        network.fc.weight[0] = 2e5 * (last - black) / (last - black).square().sum()
        network.fc.bias[0] = -(network.fc.weight[0] @ black)
    held = features(backbone, images, 64, meter).held
    assert held[-1].dtype == torch.float32
    assert {block.dtype for block in held[:-1]} == ({torch.float16} if first else {torch.float32})
    assert held[-1].abs().max() > 65504
    assert held[-1].isfinite().all()
    assert meter.flops == usual.flops


class Faint(Noise):
    """Black pictures up to one, and random ones from there."""

    def __init__(self, count: int, black: int) -> None:
        super().__init__(count)
        self.black = black

    def decode(self, index: int) -> np.ndarray:
        return super().decode(index) * (index >= self.black)


def test_an_activation_that_is_not_finite_is_named(backbone: TimmBackbone) -> None:
    broken = TimmBackbone(backbone.spec, deepcopy(backbone.module), CPU)
    place = broken.module.get_submodule("layer2.0.conv2" if hasattr(broken.module, "layer2") else "blocks.1.mlp.fc1")
    place.weight[0] = torch.inf
    names = {"layer2.0.act2", "blocks.1.mlp.act"}
    with pytest.raises(UserError, match=r"activations at .* are not finite") as raised:
        features(broken, Noise(5), 64, Meter(CPU))
    assert any(f" {name} " in str(raised.value) for name in names)


def test_parts_of_images_are_rows_of_their_features(backbone: TimmBackbone, passes: list[int]) -> None:
    images, meters = TaskImages(Noise(70), backbone), [Meter(CPU) for _ in range(4)]
    whole = features(backbone, images, 64, meters[0])
    near = features(backbone, Subset(images, range(10, 60)), 64, meters[1])
    far = features(backbone, Subset(images, [3, 50, 7]), 64, meters[2])
    nested = features(backbone, Subset(Subset(images, [9, 3, 50]), [1, 2]), 64, meters[3])
    assert sum(passes) == 70
    assert torch.equal(near.concatenated(), whole.concatenated()[10:60])
    assert near.held[0].data_ptr() == whole.held[0][10:].data_ptr()  # no copy
    assert torch.equal(far.concatenated(), whole.concatenated()[[3, 50, 7]])
    assert torch.equal(nested.concatenated(), whole.concatenated()[[3, 50]])
    assert len({meter.flops for meter in meters}) == 1  # each is attributed the pass over all of them


def test_a_part_asked_first_computes_the_whole(backbone: TimmBackbone, passes: list[int]) -> None:
    images = TaskImages(Noise(70), backbone)
    part = features(backbone, Subset(images, range(20)), 64, Meter(CPU))
    whole = features(backbone, images, 64, Meter(CPU))
    assert sum(passes) == 70
    assert torch.equal(part.concatenated(), whole.concatenated()[:20])


def test_announced_targets_take_one_pass(backbone: TimmBackbone, passes: list[int]) -> None:
    images, announcing = TaskImages(Noise(70), backbone), Meter(CPU)
    images.prepare([32, 256, None, 32], announcing)
    charged = []
    for target in (32, 256, None):
        meter = Meter(CPU)
        features(backbone, Subset(images, range(30)), target, meter)
        charged.append(meter.flops)
    assert sum(passes) == 70
    assert announcing.flops == 0
    assert charged[0] == charged[1] == charged[2] > 0
    images.prepare([32, 64], announcing)
    assert sum(passes) == 140


def test_a_target_of_no_numbers_is_refused(backbone: TimmBackbone) -> None:
    with pytest.raises(UserError, match="a pooling target of 0 leaves nothing"):
        taps(backbone, 0)
