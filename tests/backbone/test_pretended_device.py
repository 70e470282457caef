"""Features and probes on a pretended GPU: nothing mixes devices, nothing goes to the host and back, and numbers agree.

What is not covered are Adam's steps: their backward pass needs a real device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.adapt.probe import Probe, restore
from bench.adapt.ranking import Choice, choose
from bench.adapt.selection import select
from bench.adapt.solvers import AdamRecipe, fresh, read_examples
from bench.adapt.solvers.adam import shuffled
from bench.backbone.features import TaskImages, features
from bench.backbone.network import TimmBackbone, load
from bench.costs.budget import Budget
from bench.costs.meter import Meter
from bench.images.pixel_cache import CachedImages
from bench.images.pixels import pixels
from bench.runs.evaluate import evaluate
from bench.runs.trial import Trial
from bench.spec import BackboneSpec, Method, Split
from methods.all_features import AllFeatures
from methods.head2toe_path import Head2ToePath
from methods.linear_probe import LinearProbe
from tests.backbone.test_forward import Stripes
from tests.pretended import CPU, GPU, Driver, OnGPU, pretended

SOLVED = [LinearProbe(), AllFeatures(target=64), Head2ToePath(target=64)]
CHOSEN = pytest.param(Head2ToePath(target=64, penalty=None), marks=pytest.mark.slow)


@pytest.fixture
def driver() -> Iterator[Driver]:
    with pretended() as made:
        yield made


def task(device: torch.device) -> tuple[TimmBackbone, Split]:
    """The embedded backbone and a task's training images, whose features for a target of 64 have been read."""
    backbone = load(BackboneSpec("demo", precision="fp32"), device)
    images = TaskImages(Stripes(), backbone)
    images.prepare([64], Meter(device))
    return backbone, Split(images, np.arange(60) % 2, 2, 20)


def test_features_stay_there_in_half_precision(driver: Driver) -> None:
    here, there = task(CPU), task(GPU)
    driver.copied["to"].clear()
    for target in (None, 64):
        (backbone, split), parts = there, [range(10, 40), [3, 50, 7]]
        expected = features(here[0], here[1].images, target, Meter(CPU))
        whole = features(backbone, split.images, target, Meter(GPU))
        assert {block.device for block in whole.held} == {GPU}
        assert [block.dtype for block in whole.held] == [block.dtype for block in expected.held]
        for part in parts:
            assert torch.equal(whole.of(part).concatenated().cpu(), expected.of(part).concatenated())
    assert driver.copied["to"] == [24, 24]  # three row numbers a target


@pytest.mark.parametrize("method", [*SOLVED, CHOSEN], ids=lambda method: type(method).__name__)
def test_a_trial_gives_the_numbers_of_the_cpu_and_copies_no_features(driver: Driver, method: Method) -> None:
    backbone, split = task(CPU)
    usual = Trial(backbone, split, Budget(), 0).run(method, Meter(CPU), lambda *_: None)
    backbone, split = task(GPU)
    held = features(backbone, split.images, 64, Meter(GPU)).held
    driver.copied["to"].clear()
    tried = Trial(backbone, split, Budget(), 0).run(method, Meter(GPU), lambda *_: None)
    assert tried.accuracy == usual.accuracy
    assert sum(driver.copied["to"]) < sum(block.nbytes for block in held) / 4  # labels, and which features are kept
    for probe, expected in zip(tried.adapted, usual.adapted, strict=True):
        assert isinstance(probe, Probe)
        assert probe.weight.device == probe.bias.device == GPU
        stored = expected.stored()
        assert all(torch.allclose(value, stored[name], atol=1e-4) for name, value in probe.stored().items())


def test_probes_are_evaluated_there(driver: Driver) -> None:
    backbone, split = task(GPU)
    probes = [method.fit(backbone, split.fitted(), Meter(GPU)) for method in SOLVED]
    found = evaluate(backbone, probes, {"test": split.held_out()}, Meter(GPU))
    held_out = split.held_out()
    for probe, evaluation in zip(probes, found, strict=True):
        assert evaluation.accuracy["test"] == Trial(backbone, split, Budget(), 0).accuracy(probe, held_out)
        scores = restore(backbone, probe.target, probe.stored(), probe.whole).logits(pixels(held_out.images, 32))
        assert scores.device == GPU
        read = features(backbone, held_out.images, probe.target, Meter(GPU))
        assert torch.allclose(scores, probe.score(read), atol=5e-3)  # features are held in half precision


@pytest.mark.parametrize("ranking", ["variance", "random"])
def test_a_seed_draws_the_same_selection_and_head_on_every_device(driver: Driver, ranking: str) -> None:
    made = []
    for device in (CPU, GPU):
        backbone, split = task(device)
        examples = read_examples(backbone, split, 64, Meter(device))
        torch.manual_seed(0)
        selected = choose(examples, Choice(ranking, 0.2), AdamRecipe(10, 0.01, 32))
        start = fresh(len(selected), 2, examples.device)
        order = shuffled(60, 32, 10, examples.device)
        head = replace(start, selected=selected)
        read = select(examples.features, selected)
        assert {read.device, start.weight.device, order[0].device} == {device}
        scores = Probe.of(backbone, 64, head).logits(pixels(split.images, 32))
        assert torch.allclose(scores, head.scores(read), atol=1e-3)  # of half precision
        made.append([selected.cpu(), start.weight.cpu(), torch.cat(order).cpu(), scores.cpu()])
    assert all(torch.allclose(*two) for two in zip(*made, strict=True))


def test_a_gpu_without_room_leaves_features_in_ram(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 1000))
    backbone, split = task(GPU)
    held = features(backbone, split.images, 64, Meter(GPU)).held
    assert not any(isinstance(block, OnGPU) for block in held)
    tried = Trial(backbone, split, Budget(), 0).run(Head2ToePath(target=64), Meter(GPU), lambda *_: None)
    assert tried.accuracy > 0.9


def test_the_disk_cache_takes_and_gives_features_of_the_gpu(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path))
    backbone = load(BackboneSpec("demo"), GPU)
    first, again = (features(backbone, CachedImages(Stripes(), "stripes"), 64, Meter(GPU)) for _ in range(2))
    assert len(list(tmp_path.glob("*.safetensors"))) >= 2
    for one, other in zip(first.held, again.held, strict=True):
        assert one.device == other.device == GPU
        assert torch.equal(one, other)
