"""The contract of every core method on every embedded task, and of others on one, with the shipped backbone."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.adapt.probe import Probe
from bench.backbone.forward import taps
from bench.backbone.network import TimmBackbone, load
from bench.costs.meter import Meter, flop_counter
from bench.images.pixels import pixels
from bench.registry import METHODS, TASKS
from bench.spec import BackboneSpec, Method, Split, Subset

CPU = torch.device("cpu")
QUICK = {"epochs": 1, "steps": 20, "target": 64}  # whichever of these a method has
TASK_NAMES = [name for name, _ in TASKS.items() if name.startswith("demo/")]
ALL = [name for name, _ in METHODS.items()]


@lru_cache(maxsize=1)
def backbone() -> TimmBackbone:
    return load(BackboneSpec("demo"), CPU)


PLACED = [name for name, make in METHODS.items() if make().refusal(backbone().module) is None]  # it is a CNN
PROBES = [name for name, make in METHODS.select(PLACED).items() if make.frozen]
PAIRS = [
    (task, name)
    for place, name in enumerate(PLACED)
    for task in (TASK_NAMES if METHODS.is_core(name) else [TASK_NAMES[place % len(TASK_NAMES)]])
]


@lru_cache(maxsize=1)
def whole_split(task: str) -> Split:
    """All 1,000 training images."""
    return TASKS.select([task])[task].find(Path("nowhere")).load().train


@lru_cache(maxsize=1)
def split_of(task: str) -> Split:
    """Every seventh training image, and validation images behind them."""
    train = whole_split(task)
    rows = np.r_[0:800:7, 800:1000:7]
    held_out = int((rows >= 800).sum())
    return Split(Subset(train.images, rows.tolist()), train.labels[rows], train.classes, held_out, train.augment)


def quick(name: str) -> Method:
    make = METHODS.select([name])[name]
    known = {field.name for field in dataclasses.fields(make)}  # type: ignore[arg-type]
    return make(**{key: value for key, value in QUICK.items() if key in known})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_contract(task: str, name: str, tmp_path: Path) -> None:
    method, train = quick(name), split_of(task)
    version = backbone().version()
    torch.manual_seed(0)
    meter = Meter(CPU)
    adapted = method.fit(backbone(), train, meter)
    meter.stop()
    assert backbone().version() == version, "it wrote to the backbone"
    assert method.frozen == isinstance(adapted, Probe)
    assert meter.flops > 0
    save_file(dict(adapted.stored()), tmp_path / "delta.safetensors")
    restored = method.restore(backbone(), load_file(tmp_path / "delta.safetensors"), train.classes)
    images = pixels(train.images, backbone().image_size)[:20]
    logits = adapted.logits(images)
    assert logits.shape == (20, train.classes)
    assert logits.isfinite().all()
    assert torch.allclose(restored.logits(images), logits, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", PLACED)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    def fitted(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return dict(quick(name).fit(backbone(), split_of("demo/count"), Meter(CPU)).stored())

    first, again = fitted(3), fitted(3)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[key], again[key]) for key in first)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", [*PROBES, "head2toe_path:penalty=None"])
def test_every_flop_of_a_probe_is_charged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outer counter sees the whole fit, also the pass over the training images, which no earlier fit has done.

    It has its own hyper-parameters and all images: what its solver does weighs more the more there are. What is trained
    is counted in tests.methods.test_networks.
    """
    monkeypatch.setenv("HEAD2HEAD_CACHE", "off")
    make = METHODS.select([name])[name]
    method, train = make(), whole_split("demo/digits")
    taps(backbone(), 512)  # which layers there are is found once a backbone, by a pass that no method is charged for
    torch.manual_seed(0)
    meter = Meter(CPU)
    with flop_counter() as outer:
        method.fit(backbone(), train, meter)
    assert 0.99 <= meter.flops / outer.get_total_flops() <= 1.001


@pytest.mark.parametrize("name", ALL)
def test_space_and_defaults_fit_together(name: str) -> None:
    method: Any = METHODS.select([name])[name]
    fields = {field.name: field.default for field in dataclasses.fields(method)}
    assert set(method.space) <= set(fields)
    for key, distribution in method.space.items():
        default = fields[key]
        assert default is None or distribution._contains(distribution.to_internal_repr(default)), key
    assert method().passes > 0


def test_what_each_stores() -> None:
    """A head; a head and its selection; low-rank factors and a head; everything."""
    names = ("linear_probe", "head2toe", "fine_tune", "scratch", "lora")
    train, network = split_of("demo/count"), backbone()
    stored = {name: dict(quick(name).fit(network, train, Meter(CPU)).stored()) for name in names}
    sizes = {name: sum(value.numel() for value in kept.values()) for name, kept in stored.items()}
    everything = network.network(train.classes).state_dict()
    assert sizes["linear_probe"] == (network.module.num_features + 1) * train.classes
    assert stored["fine_tune"].keys() == stored["scratch"].keys() == everything.keys()
    assert set(stored["head2toe"]) in ({"weight", "bias", "mask"}, {"weight", "bias", "index"})
    adapters = {name for name in stored["lora"] if "lora_A" in name or "lora_B" in name}
    assert adapters
    assert len(stored["lora"]) == len(adapters) + 2  # and the head
    assert sizes["lora"] < 0.1 * sizes["fine_tune"]
