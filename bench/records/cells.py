"""A cell to measure, and the record of what was measured: one JSON line of the store.

Everything that is read back from a file is checked: the classes of a record are pydantic dataclasses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict, Strict
from pydantic.dataclasses import dataclass as checked

from bench.registry import Label
from bench.spec import BackboneSpec, Found, Method, Task

PROTOCOL = "4"  # raised whenever the same cell would give another number; part of every cell's key
Status = Literal["done", "failed", "skipped"]
Stage = Literal["trial", "final", "replay"]
Whole = Annotated[int, Strict()]  # neither a truth value nor a number in quotes
Real = Annotated[float, Strict()]
LENIENT = ConfigDict(extra="ignore", allow_inf_nan=False)  # a newer version may have written more


@dataclass(frozen=True)
class Tuning:
    """How a cell's hyper-parameters are chosen: by trials on the task's training and validation images."""

    trials: int | None  # at most this many; None: as many as the budget allows
    sampler: str  # one of bench.records.request.SAMPLERS, or GRID
    seed: int  # the same seed gives the same trials
    oracle: bool = False  # trials are evaluated on the shifted test sets: an upper bound, and the method's name says so


@dataclass(frozen=True)
class Cell:
    """One measurement to make: a method with its hyper-parameters on a task, for one seed."""

    key: str  # digest of all that decides the outcome
    label: Label
    method: Method
    task: Task
    found: Found
    backbone: BackboneSpec
    weights_digest: str
    seed: int
    stage: Stage = "final"
    tuning: Tuning | None = None  # of a final cell; the method's fields are then where the search starts
    effort: str = "paper"  # one of bench.records.request.EFFORTS
    augment: str = "auto"  # one of bench.records.request.AUGMENTS
    store: str = "fp32"  # one of bench.records.request.STORES; decides nothing of a trial


@checked(frozen=True, config=LENIENT)
class Cost:
    """What a cell cost. Attributed: what it would have cost alone. Spent: what the machine really did."""

    train_flops: Whole | None = None  # attributed; matrix products, convolutions and attention, forward and backward
    tune_flops: Whole | None = None  # attributed; the trials that chose the hyper-parameters, without the shared pass
    stored_params: Whole | None = None  # floating-point numbers in the delta
    stored_bytes: Whole | None = None  # size of the delta's safetensors file
    shared_flops: Whole | None = None  # the part of train_flops that is the forward pass all probes of the task share
    train_seconds: Real | None = None  # attributed
    tune_seconds: Real | None = None  # attributed, as tune_flops
    shared_seconds: Real | None = None  # the part of train_seconds that is the shared forward pass
    eval_seconds: Real | None = None  # attributed; over all test sets
    spent_seconds: Real = 0.0
    spent_flops: Whole = 0  # training, validation and evaluation
    spent_eval_seconds: Real | None = None  # the part of spent_seconds that is the evaluation of a final cell
    spent_eval_flops: Whole | None = None  # likewise
    energy_joules: Real | None = None  # spent by the GPU as NVML counts it; None without one
    utilisation: Real | None = None  # of the GPU, a fraction
    peak_bytes: Whole | None = None  # device memory on a GPU, resident memory on a CPU

    @property
    def adapt_flops(self) -> int | None:
        """Attributed; training, and the tuning where there was any."""
        return None if self.train_flops is None else self.train_flops + (self.tune_flops or 0)

    @property
    def adapt_seconds(self) -> float | None:
        """Attributed; training, and the tuning where there was any."""
        return None if self.train_seconds is None else self.train_seconds + (self.tune_seconds or 0.0)


@checked(frozen=True, config=LENIENT)
class Environment:
    """What computed a record."""

    protocol: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)  # of Python and the libraries that compute
    git: str | None = None  # commit of this code, with a + where files were changed since
    device: str | None = None
    precision: str | None = None  # the number formats of the network, "fp32" or "bf16 trained, tf32 frozen"
    compiled: bool = False  # by torch.compile, what is trained; False too where that was asked for and failed


@checked(frozen=True, config=LENIENT)
class DataFacts:
    """Which images a record is about."""

    pipeline: str | None = None  # how files became pixels
    fingerprint: str | None = None  # digest of what decides the images, the labels and their order
    classes: list[str] | Whole | None = None  # names by label, or their number where they have no names
    test_counts: Mapping[str, Whole] = field(default_factory=dict)  # images of each test set


@checked(frozen=True, config=LENIENT)
class NetworkFacts:
    """The backbone of a record with its weights and preprocessing: what is needed to build it again."""

    name: str | None = None  # as the user named it
    args: Mapping[str, Any] = field(default_factory=dict)  # for timm
    weights: str | None = None  # timm's tag, or "checkpoint"
    digest: str | None = None  # of the weights
    checkpoint: str | None = None  # path of the file
    image_size: Whole | None = None  # pixels
    mean: list[Real] | None = None
    std: list[Real] | None = None
    resize: str | None = None
    compile: bool = False  # whether torch.compile was asked for
    precision: str | None = None  # as it was asked for; Environment.precision says what that came to

    @cached_property
    def identity(self) -> str:
        """All that tells the network from others: not where its weights lie, nor what precision was asked for."""
        names = [field.name for field in fields(self) if field.name not in ("checkpoint", "precision")]
        return json.dumps({name: getattr(self, name) for name in names}, sort_keys=True)


@checked(frozen=True, config=LENIENT)
class TrialFacts:
    """Which trial of which study a record is."""

    study: str
    number: Whole
    default: bool = False  # the method's own hyper-parameters, not drawn by the sampler
    over: bool = False  # it ended; one that the budget cut off is taken up again


@checked(frozen=True, config=LENIENT)
class TuningFacts:
    """How the hyper-parameters of a final record were chosen."""

    study: str
    asked: Whole | Literal["auto"] | None = None  # trials
    trials: Whole | None = None  # that ended
    sampler: str | None = None
    seed: Whole | None = None
    oracle: bool = False
    chosen: Whole | None = None  # number of the best trial; None where no trial fitted into the budget
    cut: bool = False  # the budget ended the search before all the trials that were asked for


@checked(frozen=True, config=LENIENT)
class Expectation:
    """What a cell was expected to cost just before it began."""

    seconds: Real
    flops: Real
    passes: Real  # forward passes of one image, a backward pass counting two
    evaluated: Real | None = None  # those of them that are the evaluation's: images of all test sets


@checked(frozen=True, config=LENIENT)
class CellResult:
    """What happened to a cell: one line of the store, from which everything shown is derived.

    A `final` line is what is compared; it is `skipped` where the method has no place in the backbone. A `trial` has
    validation accuracy alone; one that was pruned is `skipped`. A `replay` holds the test accuracy of a trial that led
    its study for a while. It is read after the final cell was evaluated, and is used for curves alone.
    """

    key: str
    stage: Stage
    status: Status
    reason: str | None  # one sentence unless done
    method: str  # its label, as the user named it
    params: Mapping[str, Any]
    task: str
    group: str
    backbone: str
    seed: Whole
    accuracy: Mapping[str, Real]  # fractions: "test", "val", "ood/<name>", "id/<name>"
    cost: Cost
    registered: str = ""  # the method's name in the registry
    started: str = ""  # ISO 8601, UTC
    effort: str = "quick"  # one of bench.records.request.EFFORTS; older records had short recipes
    augment: str = "auto"  # one of bench.records.request.AUGMENTS
    store: str = "fp32"  # one of bench.records.request.STORES: the format of the delta that was evaluated
    environment: Environment = field(default_factory=Environment)
    data: DataFacts = field(default_factory=DataFacts)
    network: NetworkFacts = field(default_factory=NetworkFacts)
    trial: TrialFacts | None = None  # of a trial or a replay
    tuning: TuningFacts | None = None  # of a final cell whose hyper-parameters were searched
    expectation: Expectation | None = None
    kept: Mapping[str, tuple[Whole, Whole]] = field(default_factory=dict)  # (kept, all) features by tap, in order
    curves: Mapping[str, Sequence[tuple[Whole, Real]]] = field(default_factory=dict)  # over epochs or steps
    correct: Mapping[str, str] = field(default_factory=dict)  # by test set: bench.records.correct.pack
    predictions: str | None = None  # digest of their file: bench.records.predictions


Observer = Callable[[CellResult], None]


@runtime_checkable
class SeesFits(Protocol):
    """An observer that also hears of a cell when it is fitted, long before it is evaluated."""

    def fitted(self, record: CellResult) -> None:
        """The record as it is without an evaluation."""


@runtime_checkable
class SeesWorkers(Protocol):
    """An observer that also hears, every second, what each of several workers is at."""

    def working(self, at: Mapping[str, CellResult]) -> None:
        """By worker, the record as it would be if the worker were killed now."""
