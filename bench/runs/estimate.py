"""What a cell is expected to cost: by the speed of earlier cells of its method, else by the backbone's own speed."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from statistics import fmean, median
from typing import Any

import torch

from bench.backbone.network import TimmBackbone
from bench.costs.budget import Amount, largest
from bench.costs.memory import OUT_OF_MEMORY, release
from bench.costs.meter import Meter, synchronise
from bench.costs.precision import FP32
from bench.records.cells import Cell, CellResult, NetworkFacts
from bench.registry import fitted_as
from bench.runs.environment import describe_device
from bench.runs.recipe import searched as space

BATCH = 32
RECENT = 15  # records that an estimate goes by
CAUTION = 1.5  # on what was never measured to its end: heads, optimisers and augmentation come on top
TIMED, LONG = 10, 1.0  # forward passes that are timed at most, and seconds after which there is no other


class Estimator:
    """The expected cost of cells with one backbone on its device.

    Work is counted in forward passes of one image; a backward pass counts two. There are two rates: what a pass of the
    fit costs, with heads and optimisers in it, and what an evaluated image costs. Both come from the latest records of
    the same method. Without records a pass is 1.5 times the backbone's own forward pass.
    """

    def __init__(self, backbone: TimmBackbone, records: Iterable[CellResult]) -> None:
        self.backbone = backbone
        device = describe_device(str(backbone.device))
        self.here = place(NetworkFacts(**backbone.describe()), device, str(backbone.precision))
        self.fits: dict[tuple[str, str], list[Amount]] = defaultdict(list)  # a pass, by method and stage
        self.evaluations: dict[str, list[Amount]] = defaultdict(list)  # an image, by method
        for record in records:
            self.learn(record)

    def __call__(self, cell: Cell) -> Amount:
        """What one cell is expected to cost, without its tuning."""
        return self.fit(cell) + self.evaluation(cell)

    def fit(self, cell: Cell) -> Amount:
        """What the fit of a cell is expected to cost; in a trial with the look at validation images."""
        label, fitted = cell.label.text, passes(cell) - evaluated(cell)
        if same := self.fits[label, cell.stage]:
            return typical(same) * fitted
        if other := self.fits[label, "final" if cell.stage == "trial" else "trial"]:
            return typical(other) * fitted
        return self.forward * CAUTION * fitted

    def evaluation(self, cell: Cell) -> Amount:
        """What the evaluation of a cell on all test sets is expected to cost; nothing for a trial."""
        if known := self.evaluations[cell.label.text]:
            return typical(known) * evaluated(cell)
        caution = 1.0 if self.fits[cell.label.text, "trial"] else CAUTION
        return self.forward * caution * evaluated(cell)

    def tuned(self, cell: Cell) -> Amount:
        """What a final cell is expected to cost with all the trials of its tuning, if none is pruned."""
        if cell.tuning is None:
            return self(cell)
        trial, count, more = self(replace(cell, stage="trial")), cell.tuning.trials or 1, searched(cell)
        return self(cell) * more + trial * (1 + (count - 1) * more)

    def learn(self, record: CellResult) -> None:
        """Learns what a cell really cost. One that was cut off costs more than it had spent, and than was expected.

        The records of versions before this one do not part the fit from the evaluation; both rates are then alike.
        """
        expected, cost = record.expectation, record.cost
        if expected is None or not self._tells(record):
            return
        spent = Amount(cost.spent_seconds, cost.spent_flops)
        if record.status == "failed" and spent.seconds > expected.seconds:
            self._learn_whole(record, largest(spent * CAUTION, Amount(expected.seconds, expected.flops)))
        elif record.status == "done" and cost.spent_eval_seconds is not None and expected.evaluated:
            tested = Amount(cost.spent_eval_seconds, cost.spent_eval_flops or 0)
            self._learn_fit(record, spent - tested, expected.passes - expected.evaluated)
            self.evaluations[fitted_as(record.method)].append(tested * (1 / expected.evaluated))
        elif record.status == "done":
            self._learn_whole(record, spent)

    def learn_fit(self, record: CellResult) -> None:
        """Learns what a final cell has cost that was fitted and is not evaluated yet."""
        expected, cost = record.expectation, record.cost
        if expected is not None and self._tells(record):
            fitted = expected.passes - (expected.evaluated or 0)
            self._learn_fit(record, Amount(cost.spent_seconds, cost.spent_flops), fitted)

    def _learn_whole(self, record: CellResult, spent: Amount) -> None:
        if record.expectation is not None:
            self._learn_fit(record, spent, record.expectation.passes)
            if record.stage == "final":
                self.evaluations[fitted_as(record.method)].append(spent * (1 / record.expectation.passes))

    def _learn_fit(self, record: CellResult, spent: Amount, fitted: float) -> None:
        if fitted > 0:
            self.fits[fitted_as(record.method), record.stage].append(largest(spent, Amount()) * (1 / fitted))

    def _tells(self, record: CellResult) -> bool:
        """Whether a record tells of cells with this backbone on this device."""
        expected, made = record.expectation, record.environment
        return bool(expected and expected.passes and place(record.network, made.device, made.precision) == self.here)

    @cached_property
    def forward(self) -> Amount:
        """Seconds and FLOPs of one image's forward pass, measured on as many images as fit into memory together.

        Nothing is expected where not even one image fits: then the cells have failed records that say so.
        """
        count = BATCH
        while count:
            try:
                return self._timed(count)
            except OUT_OF_MEMORY:
                count //= 2
            release()
        return Amount()

    def _timed(self, count: int) -> Amount:
        """Seconds and FLOPs an image of passes over `count` images.

        The fastest of several passes counts: on a busy machine, one pass may take fifty times as long.
        """
        backbone, size = self.backbone, self.backbone.image_size
        images = torch.zeros(count, 3, size, size, dtype=torch.uint8)
        meter = Meter(backbone.device)

        def pass_once() -> None:
            with torch.no_grad(), backbone.computing(trained=False):
                backbone.module(backbone.inputs(images))
            synchronise(backbone.device)

        meter.step("forward", pass_once)  # warms up
        times: list[float] = []
        while len(times) < TIMED and sum(times) < LONG:
            began = time.perf_counter()
            pass_once()
            times.append(time.perf_counter() - began)
        return Amount(min(times) / count, meter.flops / count)


def searched(cell: Cell) -> float:
    """How many times more passes the mean of a search space takes than the method's own hyper-parameters."""
    method: Any = cell.method
    factors: list[float] = [
        fmean(replace(method, **{name: value}).passes for value in values.choices) / method.passes
        for name, values in space(cell).items()
        if hasattr(values, "choices") and method.passes
    ]
    return math.prod(factors)


def passes(cell: Cell) -> float:
    """Forward passes of one image that a cell is expected to take; a trial sees no test image."""
    images, each, folds = cell.found.train_images, cell.method.passes, cell.method.folds
    if cell.stage == "final":
        return each * images + evaluated(cell)
    if cell.method.frozen:
        return each * images
    return (0.8 * each + 0.2) * images if folds == 1 else (each * (folds - 1) + 1) * images


def evaluated(cell: Cell) -> int:
    """Test images that a cell is evaluated on."""
    return cell.found.test_images if cell.stage == "final" else 0


def typical(amounts: Sequence[Amount]) -> Amount:
    """The median of the latest amounts, of seconds and of FLOPs."""
    recent = amounts[-RECENT:]
    return Amount(median(one.seconds for one in recent), median(one.flops for one in recent))


def place(network: NetworkFacts, device: str | None, precision: str | None) -> str:
    """What must be alike for the costs of two cells to tell anything about each other."""
    facts = asdict(replace(network, digest=None, checkpoint=None, precision=None))
    return json.dumps([facts, device, precision or FP32], sort_keys=True)  # older records name none
