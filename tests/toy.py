"""A comparison that takes no time: a backbone of nothing, pictures of nothing, methods that pretend to work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from torch import Tensor, nn

from bench.costs.budget import Amount, Budget
from bench.costs.precision import Precision
from bench.records.cells import Cell, Tuning
from bench.records.store import Store
from bench.runs.plan import Terms, plan
from bench.runs.session import Session
from bench.spec import BackboneSpec, Data, Found, Method, Split, Tap, Task, UserError

CLASSES = 4
JOULES = 10.0  # that every charge finds


class Clock:
    """Seconds that pass only when told; `watch` is called after each."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watch: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> Tensor:
        self.now += seconds
        self.watch()
        return torch.ones(2, 2) @ torch.ones(2, 2)  # 16 FLOPs


class Gauge:
    """A GPU that is always half busy."""

    def lap(self) -> tuple[float, float]:
        return JOULES, 0.5

    def collect(self) -> None:
        """Nothing is kept between two laps."""


class Pictures:
    """The number of each picture's class is its colour."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, index: int) -> np.ndarray:
        return np.full((8, 8, 3), self.labels[index], np.uint8)


class Toy:
    """A backbone that does nothing."""

    def __init__(self) -> None:
        self.spec, self.image_size, self.device = BackboneSpec("demo"), 8, torch.device("cpu")
        self.module = nn.Identity()
        self.view = None
        self.taps: list[Tap] = []
        self.digest = "toy"
        self.precision, self.compiled = Precision(self.device), False

    def inputs(self, images: Tensor) -> Tensor:
        return images.float()

    def computing(self, trained: bool) -> AbstractContextManager[None]:
        return nullcontext()

    def describe(self) -> dict[str, Any]:
        return {"name": "toy"}

    def version(self) -> int:
        return 0


@dataclass(frozen=True)
class Known:
    """Answers rightly for a part of the pictures, by their brightness and a number drawn once."""

    skill: float

    def logits(self, images: Tensor) -> Tensor:
        scores = nn.functional.one_hot(images[:, 0, 0, 0].long(), CLASSES).float()
        wrong = torch.arange(len(images)) >= self.skill * len(images)
        scores[wrong] = scores[wrong].roll(1, 1)
        return scores

    def stored(self) -> Mapping[str, Tensor]:
        return {"skill": torch.tensor([self.skill])}


@dataclass(frozen=True)
class Answers:
    """Gives the same answer whatever the picture."""

    label: int

    def logits(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(torch.full((len(images),), self.label), CLASSES).float()

    def stored(self) -> Mapping[str, Tensor]:
        return {"label": torch.tensor([self.label])}


def method(clock: Clock, steps: int = 3, seconds: float = 1.0, fails: bool = False) -> type[Any]:
    """A method that works `steps` times for `seconds`; its skill is its hyper-parameter, unless it fails."""

    @dataclass(frozen=True)
    class Pretend(Method):
        space: ClassVar[Mapping[str, BaseDistribution]] = {"skill": FloatDistribution(0.0, 1.0)}
        frozen: ClassVar[bool] = False
        folds: ClassVar[int] = 1
        skill: float = 0.5

        @property
        def passes(self) -> float:
            return 1.0

        def fit(self, backbone: Any, train: Split, meter: Any) -> Known:
            for done in range(1, steps + 1):
                meter.step("work", lambda: clock.work(seconds))
                meter.epoch(done, steps, 1.0 / done, Known(self.skill).logits)
            if fails:
                raise UserError("it fails for everybody")
            return Known(self.skill)

        def restore(self, backbone: Any, stored: Mapping[str, Tensor], classes: int) -> Known:
            return Known(stored["skill"].item())

    return Pretend


def growing(clock: Clock) -> type[Any]:
    """A method that works a second an epoch, and is the better the more epochs it has."""

    @dataclass(frozen=True)
    class Growing(Method):
        space: ClassVar[Mapping[str, BaseDistribution]] = {"epochs": IntDistribution(1, 40)}
        frozen: ClassVar[bool] = False
        folds: ClassVar[int] = 1
        epochs: int = 2

        @property
        def passes(self) -> float:
            return float(self.epochs)

        def fit(self, backbone: Any, train: Split, meter: Any) -> Known:
            for _ in range(self.epochs):
                meter.step("work", lambda: clock.work(1.0))
            return Known(self.epochs / 40)

        def restore(self, backbone: Any, stored: Mapping[str, Tensor], classes: int) -> Known:
            return Known(stored["skill"].item())

    return Growing


def along_a_path(clock: Clock) -> type[Any]:
    """A method whose variants are fitted together, a second each."""
    make = method(clock, 20, 0.05)

    @dataclass(frozen=True)
    class Pathed(make):  # type: ignore[misc,valid-type]
        path: ClassVar[str] = "skill"

        @classmethod
        def fit_path(
            cls, variants: Sequence[Any], backbone: Any, train: Split, meters: Sequence[Any]
        ) -> list[Known]:  # fmt: skip
            return [one.fit(backbone, train, meter) for one, meter in zip(variants, meters, strict=True)]

    return Pathed


def task(name: str) -> Task:
    """A task of 20 training and 12 test pictures."""
    labels = np.arange(20) % CLASSES
    data = Data(
        Split(Pictures(labels), labels, CLASSES, validation=4),
        {"test": Split(Pictures(labels[:12]), labels[:12], CLASSES)},
    )

    def find(folder: Path) -> Found:
        return Found("toy", name, lambda: data, 20, 12)

    return Task(name, "natural", CLASSES, "toy", find, effort="quick")


def cells(methods: Mapping[str, Any], tasks: int = 1, tuning: Tuning | None = None) -> list[Cell]:
    made = {f"toy/{number}": task(f"toy/{number}") for number in range(tasks)}
    return plan(methods, made, BackboneSpec("demo"), [0], Path("nowhere"), Terms(tuning)).cells


def session(folder: Path, clock: Clock, limit: Amount) -> Session:
    """A session that goes on where the records of a folder end."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder)
    store.recover()
    backbone: Any = Toy()
    made: Any = Session(store, Budget(limit, store.spent(), clock=clock), backbone)
    made.gauge = Gauge()
    made.estimate.__dict__["forward"] = Amount(0.001, 1.0)  # what would be measured on a real network
    session: Session = made
    return session
