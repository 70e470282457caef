"""One task with all methods and three seeds: how often each image is decoded, moved and sent through a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.adapt.trained import Trained
from bench.backbone.network import load
from bench.costs.budget import Budget
from bench.records.store import Store
from bench.registry import METHODS
from bench.runs import evaluate, scoring
from bench.runs.plan import plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec, Data, Found, Split, Task
from tests.methods.test_contract import PLACED, quick

CPU, CLASSES, SEEDS = torch.device("cpu"), 3, [0, 1, 2]
TRAIN, TEST, BATCH = 40, 150, 64
CORE = {name: make for name, make in METHODS.select(["core"]).items() if name in PLACED}
TRAINED = sum(not make().frozen for make in CORE.values()) * len(SEEDS)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports


class Numbered:
    """Pictures that carry their number in their first pixel, and how often each was decoded."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.count = first, count
        self.decoded: Counter[int] = Counter()

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        self.decoded[self.first + index] += 1
        dice = np.random.default_rng(index)
        pixels = dice.normal(60 + 70 * (index % CLASSES), 12, (32, 32, 3)).clip(0, 255).astype(np.uint8)
        pixels[0, 0] = self.first + index, 0, 0
        return pixels


class Host(Tensor):
    """Pixels on a host whose memory a device cannot read: all that they can do is be cut, and be moved as a whole."""

    moved: ClassVar[Counter[int]] = Counter()  # by picture

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not Tensor.to:
            name = getattr(func, "__name__", str(func))
            assert name in ("__len__", "__get__", "split", "size", "dim"), f"{name} was called on the host's pixels"
            return super().__torch_function__(func, types, args, kwargs or {})
        pixels: Tensor = args[0].as_subclass(Tensor)
        cls.moved.update(numbers(pixels))
        return pixels.clone()


def numbers(pixels: Tensor) -> list[int]:
    """Which pictures these are, uint8 (n, 3, height, width)."""
    found: list[int] = pixels[:, 0, 0, 0].tolist()
    return found


class Watched:
    """A task and a backbone that count, over one run of all methods with three seeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frozen: Counter[int] = Counter()  # passes through the frozen network, by picture
        self.trained: Counter[int] = Counter()  # of logits of trained networks
        self.train, self.test = Numbered(0, TRAIN), Numbered(TRAIN, TEST)
        self.backbone = load(BackboneSpec("demo"), CPU)
        assert self.backbone.taps  # finding them takes a pass
        self.as_frozen = False
        self._watch_network(monkeypatch)
        self._watch_trained(monkeypatch)
        real = evaluate.batches
        monkeypatch.setattr(evaluate, "batches", lambda *how: (one.as_subclass(Host) for one in real(*how)))
        monkeypatch.setattr(evaluate, "batch_size", lambda backbone: BATCH)
        Host.moved.clear()

    def _watch_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts what the network is sent while it runs as the frozen one."""
        computing = self.backbone.computing
        formats: list[bool] = []

        class Noted:
            def __init__(self, trained: bool) -> None:
                self.trained, self.inner = trained, computing(trained)

            def __enter__(self) -> None:
                formats.append(self.trained)
                self.inner.__enter__()

            def __exit__(self, *error: Any) -> None:
                self.inner.__exit__(*error)
                formats.pop()

        def sent(module: torch.nn.Module, given: Any) -> None:
            if formats[-1:] == [False]:
                level = given[0] * self.backbone._std + self.backbone._mean
                self.frozen.update(numbers((255 * level).round().to(torch.uint8)))

        monkeypatch.setattr(self.backbone, "computing", Noted)
        self.backbone.module.register_forward_pre_hook(sent)

    def _watch_trained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        logits = Trained.logits

        def counted(adapted: Trained, images: Tensor) -> Tensor:
            self.trained.update(numbers(images))
            return logits(adapted, images)

        monkeypatch.setattr(Trained, "logits", counted)

    def run(self, folder: Path) -> Session:
        """Runs the core methods with three seeds."""
        train, test = np.arange(TRAIN) % CLASSES, np.arange(TEST) % CLASSES
        data = Data(Split(self.train, train, CLASSES, 8), {"test": Split(self.test, test, CLASSES)})
        task = Task(
            "toy/numbered",
            "natural",
            CLASSES,
            "",
            lambda _: Found("toy", "1", lambda: data, TRAIN, TEST),
            effort="quick",
        )
        cells = plan(CORE, {task.name: task}, BackboneSpec("demo"), SEEDS, folder).cells
        session = Session(Store(folder), Budget(), self.backbone)
        assert session.estimate.forward.flops > 0  # its passes over black images are measured before
        self.frozen.clear()
        with session.store.lock():
            run([replace(cell, method=quick(cell.label.text)) for cell in cells], session)
        assert [one.reason for one in session.results] == [None] * len(cells)
        return session


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """As above, without the disk cache of pixels and features."""
    monkeypatch.setenv("HEAD2HEAD_CACHE", "off")
    yield Watched(monkeypatch)


def once(first: int, count: int, times: int = 1) -> dict[int, int]:
    """Each of these pictures as many times."""
    return dict.fromkeys(range(first, first + count), times)


def test_each_image_is_decoded_moved_and_sent_through_the_frozen_network_once(
    watched: Watched, tmp_path: Path
) -> None:  # fmt: skip
    watched.run(tmp_path)
    assert watched.train.decoded == once(0, TRAIN)
    assert watched.test.decoded == once(TRAIN, TEST)
    assert watched.frozen == once(0, TRAIN + TEST)
    assert Host.moved == once(TRAIN, TEST)
    assert {number: times for number, times in watched.trained.items() if number >= TRAIN} == once(TRAIN, TEST, TRAINED)


def test_networks_that_do_not_fit_together_are_evaluated_in_several_passes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    monkeypatch.setattr(scoring, "networks_that_fit", lambda backbone: 4)
    watched.run(tmp_path)
    assert watched.test.decoded == once(TRAIN, TEST, -(-(TRAINED + 1) // 4))
    assert watched.frozen == once(0, TRAIN + TEST)
