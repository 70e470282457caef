"""The constitution: every noun of a comparison, its two protocols, and the rules that keep it fair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from bench.errors import DataMissing as DataMissing
from bench.errors import UserError as UserError
from bench.source import Source

if TYPE_CHECKING:  # torch and optuna are met in types only, so that listing and planning stay light
    import numpy as np
    from optuna.distributions import BaseDistribution
    from torch import Tensor, device, nn
T = TypeVar("T")


class Images(Protocol):
    """A sequence of pictures that are decoded when they are asked for, from any thread."""

    def __len__(self) -> int: ...
    def decode(self, index: int) -> np.ndarray:
        """Pixels of one image at its stored size, uint8 (height, width, 3)."""


@dataclass(frozen=True)
class Subset:
    """Some of the images of a split, by their numbers in it."""

    images: Images
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def decode(self, index: int) -> np.ndarray:
        """Pixels of one image, as `Images.decode`."""
        return self.images.decode(self.indices[index])


@dataclass(frozen=True)
class Split:
    """Labelled images. In a training split the last `validation` images are the validation images."""

    images: Images
    labels: np.ndarray  # int64 (n,), each in 0..classes-1
    classes: int  # width of the head; from the task's table, never from the labels seen
    validation: int = 0
    augment: frozenset[str] = frozenset()  # of "flip", "shift": what may be done without changing the label
    possible: frozenset[int] | None = None  # of a test set with fewer classes: scores of all others are not looked at

    @property
    def learnt(self) -> int:
        """How many images come before those held out: the validation images, or a fifth where there are none."""
        return len(self.labels) - (self.validation or len(self.labels) // 5)

    def part(self, rows: Sequence[int]) -> Split:
        """Some of the images; the same fraction at their end is their own validation images."""
        chosen, held = list(rows), round(len(rows) * (len(self.labels) - self.learnt) / len(self.labels))
        return replace(self, images=Subset(self.images, chosen), labels=self.labels[chosen], validation=held)

    def fitted(self) -> Split:
        """The images to fit on when the held-out ones choose something."""
        return self.part(range(self.learnt))

    def held_out(self) -> Split:
        """The images that choose, where `fitted` gives those to fit on."""
        return replace(self.part(range(self.learnt, len(self.labels))), validation=0)


@dataclass(frozen=True)
class Data:
    """A task's images once opened: 1,000 to adapt on and the test sets, `test` and any shifted `ood/<name>`."""

    train: Split
    tests: Mapping[str, Split]  # `id/<name>`: those of `test` whose classes are possible in `ood/<name>`, if not all


@dataclass(frozen=True)
class Found:
    """A copy of a task's images on this machine, located and identified but not yet decoded."""

    pipeline: str  # how files become pixels, e.g. "raw zip, JPEG by Pillow"
    fingerprint: str  # digest of what decides the images, the labels and their order
    load: Callable[[], Data]
    train_images: int = 0  # for the plan's estimate
    test_images: int = 0  # over all test sets
    place: Path | None = None  # where the copy lies; None when nothing of it is on disk
    exactness: str = ""  # "exact", or how its images differ from the published ones
    classes: tuple[str, ...] = ()  # their names by label, where they have any


@dataclass(frozen=True)
class Task:
    """What is classified, out of which images, by which splits."""

    name: str  # "suite/group/task" or "suite/task"
    group: str  # natural | specialized | structured | …: accuracies are averaged within a group first
    classes: int
    summary: str
    find: Callable[[Path], Found]  # looks below a data folder; raises DataMissing, which says what to put where
    size: str = ""  # "800 + 200 / 5,400": training + validation / test images
    source: Source = field(default_factory=Source)
    effort: str = "paper"  # by default: the methods' published recipes; or "quick", short ones


@dataclass(frozen=True)
class BackboneSpec:
    """Which network, weights, preprocessing and number formats; None means what timm states for that name."""

    name: str
    checkpoint: Path | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    image_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    precision: str = "auto"  # one of bench.records.request.PRECISIONS
    compile: bool = False  # torch.compile of what is trained
    preprocess: str = "vtab"  # one of bench.records.request.PREPROCESS


@dataclass(frozen=True)
class Tap:
    """Where a network is read, and how its output lies: `vector` (B, C), `tokens` (B, N, C), `nchw` or `nhwc` maps."""

    name: str
    layout: str
    shape: tuple[int, ...]  # of one example


class Backbone(Protocol):
    """A pretrained network on a device, its weights frozen, with its preprocessing."""

    spec: BackboneSpec
    image_size: int
    device: device
    module: nn.Module  # in eval mode; methods that train take a copy from `network`

    @property
    def taps(self) -> Sequence[Tap]:
        """Every place where it can be read, in the order in which the network computes them."""

    @property
    def digest(self) -> str:
        """Tells the network's tensors from all others."""

    def inputs(self, images: Tensor) -> Tensor:
        """Normalised network input, float (batch, 3, size, size), from uint8 pixels (batch, 3, height, width)."""

    def computing(self, trained: bool) -> AbstractContextManager[None]:
        """The number formats in which the frozen network runs, or a `trained` copy in training and evaluation."""

    def network(self, classes: int, *, pretrained: bool = True) -> nn.Module:
        """A trainable copy with a fresh head of `classes` outputs; with random weights if not `pretrained`."""


class Meter(Protocol):
    """Measures what a fit costs. Methods hand work to it; they never state a figure themselves."""

    flops: int  # attributed so far
    seconds: float  # likewise, once it is stopped

    def step(self, signature: object | None, work: Callable[[], T], alike: bool = False) -> T:
        """Does `work` and charges its FLOPs. Raises BudgetSpent when no time is left for another step.

        Without a signature the FLOPs are counted each time, which is always right. Work that is done many times has a
        signature, all that decides its FLOPs, and is counted once; if `alike`, once for all meters.
        """

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Tells how far a training loop is, for curves and pruning: epochs, mean training loss, and the network as is.

        Raises Pruned when the trial is not worth going on with, and UserError when the loss is not finite.
        """

    def point(self, curve: str, at: int, value: float) -> None:
        """Keeps a point of a curve of the record, `at` the epoch or step: shown in plots, never a cost or a score."""

    def alone(self) -> Meter:
        """A new meter under the same budget, for work that several cells will share."""

    def stop(self) -> None:
        """Ends the clock of such shared work."""

    def found(self, flops: int, seconds: float) -> None:
        """Attributes work that was done before, in full, as if it had been done for this cell alone."""


@runtime_checkable
class Adapted(Protocol):
    """A backbone adapted to one task."""

    def logits(self, images: Tensor) -> Tensor:
        """Scores (batch, classes) of uint8 pixels (batch, 3, height, width), resized on the backbone's device."""

    def stored(self) -> Mapping[str, Tensor]:
        """All that must be kept for this task besides the backbone."""


class Method(Protocol):
    """A way to adapt a backbone: a frozen dataclass whose fields are its hyper-parameters.

    Fairness, kept by construction:
    - it is handed training and validation images; the test sets are read once, after it has finished;
    - the harness measures its cost through the meter, it reports none;
    - what is evaluated is rebuilt by `restore` from the bytes of `stored()` alone, as written to disk and read back.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {}  # what tuning may vary
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {}  # of its recipe, on validation images; `fit` makes a probe's
    quick: ClassVar[Mapping[str, Any]] = {}  # hyper-parameters of the short recipe; the defaults are the published one
    frozen: ClassVar[bool]  # True: it leaves the backbone untouched and `fit` returns a bench.adapt.probe.Probe
    folds: ClassVar[int]  # how a trial is evaluated: 1 by train800 → val200, k by k-fold cross-validation

    def refusal(self, network: nn.Module) -> str | None:
        """Why it has no place in a network of timm's, in one clause; None where it has one."""
        return None

    @property
    def passes(self) -> float:
        """Forward passes a training image is expected to need, a backward pass counting two; for the plan alone."""

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        """Adapts the backbone to the training images."""

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        """The adapted backbone from the tensors that it stored."""
