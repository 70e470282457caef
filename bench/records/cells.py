"""A cell to measure, and what was recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.spec import BackboneSpec, Found, Method, Task

SAMPLERS = ("tpe", "random")  # of Optuna; the first is the default
PROTOCOL = "2"  # raised whenever the same cell would give another number; part of every cell's key
Status = Literal["done", "failed", "skipped"]
Stage = Literal["trial", "final", "replay"]


@dataclass(frozen=True)
class Tuning:
    """How a cell's hyper-parameters are chosen: by trials on the training images' own validation images."""

    trials: int | None  # at most so many, None: as many as the budget allows
    sampler: str  # one of SAMPLERS
    seed: int  # the same seed gives the same trials
    oracle: bool = False  # judge trials on the shifted test sets instead: a bound that nobody reaches fairly, named so


@dataclass(frozen=True)
class Cell:
    """One measurement to make: a method with its hyper-parameters on a task, for one seed."""

    key: str  # digest of all that decides the outcome
    method_name: str
    method: Method
    task: Task
    found: Found
    backbone: BackboneSpec
    weights_digest: str
    seed: int
    stage: Stage = "final"
    tuning: Tuning | None = None  # of a final cell; the method's fields are then where the search starts


@dataclass(frozen=True)
class Cost:
    """What a cell cost. Attributed: what it would have cost alone. Spent: what the machine really did."""

    train_flops: int | None = None  # attributed; matrix products, convolutions and attention, forward and backward
    tune_flops: int | None = None  # attributed; trials that chose the hyper-parameters, the shared pass not once more
    stored_params: int | None = None  # floating-point numbers in the delta
    stored_bytes: int | None = None  # size of the delta's safetensors file
    shared_flops: int | None = None  # of train_flops, the forward pass whose features all probes of the task read
    train_seconds: float | None = None  # attributed
    tune_seconds: float | None = None  # attributed, as tune_flops
    shared_seconds: float | None = None  # of train_seconds, as shared_flops
    eval_seconds: float | None = None  # attributed; over all test sets
    spent_seconds: float = 0.0
    spent_flops: int = 0  # training, validation and evaluation
    energy_joules: float | None = None  # spent by the GPU as NVML counts it; None without one
    utilisation: float | None = None  # of the GPU, a fraction
    peak_bytes: int | None = None  # device memory on a GPU, resident memory on a CPU


@dataclass(frozen=True)
class CellResult:
    """What happened to a cell: one line of the store, from which everything shown is derived.

    A `final` line is what is compared. A `trial` has validation accuracy alone; one that was pruned is `skipped`. A
    `replay` holds the test accuracy of a trial that led its study for a while, read after the final cell was judged and
    used for curves alone. What a trial belongs to stands in `provenance["trial"]`, what a final cell's tuning was in
    `provenance["tuning"]`, and how many features a probe with a selection keeps in `provenance["chosen"]`: [kept, all]
    by tap, in the order of the network.
    """

    key: str
    stage: Stage
    status: Status
    reason: str | None  # one sentence unless done
    method: str
    params: Mapping[str, Any]
    task: str
    group: str
    backbone: str
    seed: int
    accuracy: Mapping[str, float]  # fractions: "test", "val", "ood/<name>", "id/<name>"
    cost: Cost
    provenance: Mapping[str, Any]
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)  # over epochs or steps
    answers: Mapping[str, str] = field(default_factory=dict)  # of a final cell, by test set: bench.answers.pack


Observer = Callable[[CellResult], None]
