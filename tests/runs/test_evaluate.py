"""Evaluation: all networks of a task together, each as it would be alone; only possible classes are answered."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.adapt.probe import Probe, score_together, widths
from bench.adapt.trained import Trained
from bench.backbone import forward
from bench.backbone.features import features
from bench.backbone.network import TimmBackbone, load
from bench.costs.clock import Clock
from bench.costs.meter import Meter
from bench.images.pixel_cache import CachedImages
from bench.images.pixels import pixels
from bench.runs.evaluate import answers, batch_size, evaluate
from bench.spec import BackboneSpec, Split, Subset, Tap

CPU = torch.device("cpu")


class Always:
    """Scores the classes by fixed numbers, whatever the picture."""

    def __init__(self, *scores: float) -> None:
        self.scores = torch.tensor(scores)

    def logits(self, images: Tensor) -> Tensor:
        return self.scores.repeat(len(images), 1)

    def stored(self) -> Mapping[str, Tensor]:
        return {}


class Blank:
    """Four black pictures."""

    def __len__(self) -> int:
        return 4

    def decode(self, index: int) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)


def test_only_possible_classes_are_answered() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
    for possible, classes, among in (
        (None, [0, 2], scores),
        (torch.tensor([1, 2]), [1, 2], scores[:, 1:]),
        (torch.tensor([1]), [1, 1], scores[:, 1:2]),
    ):
        found, surprise = answers(scores, possible)
        assert found.tolist() == classes
        assert (-surprise).exp().numpy() == pytest.approx(among.double().softmax(1).amax(1).numpy(), abs=1e-6)


def test_a_mask_belongs_to_one_test_set() -> None:
    labels = np.array([1, 1, 1, 2])
    tests = {"test": Split(Blank(), labels, 3), "ood/few": Split(Blank(), labels, 3, possible=frozenset({1, 2}))}
    backbone: Any = SimpleNamespace(image_size=8, device=CPU)
    (one,) = evaluate(backbone, [Always(3.0, 2.0, 1.0)], tests, Meter(CPU))
    assert one.accuracy == {"test": 0.0, "ood/few": 0.75}
    assert one.right["test"].tolist() == [False] * 4
    assert one.right["ood/few"].tolist() == [True, True, True, False]


class Shades:
    """Four pictures in rising brightness, and which were decoded."""

    def __init__(self) -> None:
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return 4

    def decode(self, index: int) -> np.ndarray:
        self.decoded.append(index)
        return np.full((8, 8, 3), index, np.uint8)


class Brightness:
    """Takes its brightness for the class of a picture."""

    def logits(self, images: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(images[:, 0, 0, 0].long(), 4).float()

    def stored(self) -> Mapping[str, Tensor]:
        return {}


@pytest.mark.parametrize("kept", [False, True])
def test_images_that_test_sets_share_are_read_once(kept: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path))
    shades, backbone = Shades(), SimpleNamespace(image_size=8, device=CPU)
    images: Any = CachedImages(shades, "all") if kept else shades
    some: Any = Subset(shades, [3, 1])
    tests = {
        "test": Split(images, np.arange(4), 4),
        "id/few": Split(CachedImages(some, "few") if kept else some, np.array([3, 2]), 4, possible=frozenset({2, 3})),
        "ood/few": Split(images, np.arange(4), 4, possible=frozenset({2, 3})),
    }
    (one,) = evaluate(cast(Any, backbone), [Brightness()], tests, Meter(CPU))
    assert sorted(shades.decoded) == [0, 1, 2, 3]
    assert {name: right.tolist() for name, right in one.right.items()} == {
        "test": [True] * 4, "id/few": [True, True], "ood/few": [False, False, True, True],
    }  # fmt: skip


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 30

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def probe(backbone: TimmBackbone, target: int | None, *columns: int) -> Probe:
    """A probe with a random head on some columns, or on all as they are."""
    width = sum(widths(backbone, target))
    kept = torch.tensor(columns) if columns else None
    generator = torch.Generator().manual_seed(len(columns))
    weight = torch.randn(len(columns) or width, 5, generator=generator)
    return Probe(backbone, target, kept, width, weight, torch.randn(5, generator=generator))


def test_probes_are_evaluated_in_one_pass_as_each_would_be_alone() -> None:
    backbone, images = load(BackboneSpec("demo"), CPU), Noise()
    every = sum(widths(backbone, 256))
    probes = [
        probe(backbone, None),
        probe(backbone, 64, 0, 5, 99, 100, 600),
        probe(backbone, 64, 7),
        probe(backbone, 256, *range(every)),
        probe(backbone, 256, *range(3, every, 7)),
    ]
    read = pixels(images, 32)
    sizes: list[int] = []
    handle = backbone.module.register_forward_hook(lambda module, given, output: sizes.append(len(given[0])))
    with torch.no_grad():
        together = score_together(backbone, probes, read, Clock(CPU))
    handle.remove()
    assert sizes == [30]
    for one, scores in zip(probes, together, strict=True):
        kept = one.score(features(backbone, images, one.target, Meter(CPU)))
        assert scores.shape == (30, 5)
        assert torch.allclose(scores, one.logits(read), atol=1e-5)
        assert torch.allclose(scores, kept, atol=5e-3)  # those are of half precision
    labels = together[1].argmax(1).numpy()
    found = evaluate(backbone, probes, {"test": Split(images, labels, 5)}, Meter(CPU))
    assert found[1].accuracy == {"test": 1.0}
    alone = [one.logits(read).argmax(1).numpy() == labels for one in probes]
    assert [one.right["test"].tolist() for one in found] == [right.tolist() for right in alone]
    assert all(one.seconds > 0 for one in found)


class Ticking:
    """Replaces the clock's `time`: a second passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def after(self, work: Callable[..., Any], seconds: Callable[..., float]) -> Callable[..., Any]:
        """The same work, for which the clock moves by so many seconds of its arguments."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self.now += seconds(*arguments)
            return work(*arguments, **named)

        return timed


def test_each_is_attributed_the_seconds_that_it_would_take_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network takes 8 s, pooling a tap to 64 takes 0.25 s and to 256 takes 100 s, a probe's own part 0.125 s."""
    clock, backbone = Ticking(), load(BackboneSpec("demo"), CPU)
    monkeypatch.setattr("bench.costs.clock.time", clock)
    pooling = {None: 0.5, 64: 0.25, 256: 100.0}
    monkeypatch.setattr(forward, "pool", clock.after(forward.pool, lambda output, layout, target: pooling[target]))
    monkeypatch.setattr(Probe, "add", clock.after(Probe.add, lambda *_: 0.125))
    monkeypatch.setattr(Always, "logits", clock.after(Always.logits, lambda *_: 4.0))
    backbone.module.register_forward_pre_hook(clock.after(lambda *_: None, lambda *_: 8.0))
    linear, few, many = probe(backbone, None), probe(backbone, 64, 0, 1), probe(backbone, 256, 0)
    other, began = Always(1.0, 2.0), clock.now
    tests = {"test": Split(Noise(), np.zeros(30, np.int64), 5)}
    together = [one.seconds for one in evaluate(backbone, [linear, other, few, many], tests, Meter(CPU))]
    assert together == [8.625, 4.0, 8.375, 108.125]
    assert clock.now - began == 8 + 4 + 0.5 + 0.25 + 100 + 3 * 0.125  # the network ran once
    alone = [evaluate(backbone, [one], tests, Meter(CPU))[0].seconds for one in (linear, other, few, many)]
    assert together == alone


class Cramped:
    """A memory that takes so many images at a time; what a pass that failed had held is gone before the next begins."""

    def __init__(self, most: int) -> None:
        self.most, self.sizes = most, list[int]()
        self.held: list[weakref.ref[Tensor]] = []

    def __call__(self, module: torch.nn.Module, given: tuple[Tensor, ...]) -> None:
        """A hook before a network's forward pass."""
        assert not any(held() is not None for held in self.held)
        self.sizes.append(len(given[0]))
        if len(given[0]) > self.most:
            activations = given[0] + 1
            self.held.append(weakref.ref(activations))
            raise torch.OutOfMemoryError


def test_where_memory_runs_out_the_pass_goes_on_in_halves_with_the_same_result() -> None:
    backbone = load(BackboneSpec("demo"), CPU)
    probes = [probe(backbone, None), probe(backbone, 64, 0, 5, 99), probe(backbone, 256, 7)]
    network = Trained(backbone, backbone.network(5).eval(), torch.nn.Module.state_dict)
    tests = {"test": Split(Noise(), np.arange(30) % 5, 5), "ood/same": Split(Noise(), np.arange(30) % 5, 5)}
    roomy, spare = Meter(CPU), Meter(CPU)
    whole = evaluate(backbone, [*probes, network], tests, roomy)
    cramped = Cramped(8)
    backbone.module.register_forward_pre_hook(cramped)
    found = evaluate(backbone, [*probes, network], tests, spare)
    assert cramped.sizes == [30, 15, 7, 7, 1, 7, 7, 1, *[7] * 4, 2]  # what is too much is tried once
    assert [one.accuracy for one in found] == [one.accuracy for one in whole]
    assert all(
        (one.right[name] == two.right[name]).all() for one, two in zip(found, whole, strict=True) for name in tests
    )
    assert spare.flops == roomy.flops > 0
    assert len(cramped.held) == 2 and not any(held() is not None for held in cramped.held)


def test_where_not_even_one_image_fits_it_is_said() -> None:
    backbone = load(BackboneSpec("demo"), CPU)
    backbone.module.register_forward_pre_hook(Cramped(0))
    with pytest.raises(torch.OutOfMemoryError):
        evaluate(backbone, [probe(backbone, None)], {"test": Split(Noise(), np.arange(30) % 5, 5)}, Meter(CPU))


def test_on_a_gpu_the_batch_follows_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone: Any = SimpleNamespace(
        image_size=224, device=torch.device("cuda", 0), taps=[Tap("a", "nchw", (64, 112, 112))]
    )
    sizes = []
    for free in (10**6, 10**9, 10**10, 10**12):
        monkeypatch.setattr("bench.runs.evaluate.free_bytes", lambda device, free=free: free)
        sizes.append(batch_size(backbone))
    assert sizes[0] == 1 < sizes[1] < sizes[2] < sizes[3] == 498
