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
from bench.runs.environment import describe_device

BATCH = 32
RECENT = 15  # records that an estimate goes by
CAUTION = 1.5  # on what was never measured to its end: heads, optimisers and augmentation come on top
TIMED, LONG = 10, 1.0  # forward passes that are timed at most, and seconds after which there is no other


class Estimator:
    """The expected cost of cells with one backbone on its device.

    Work is counted in forward passes of one image; a backward pass counts two. What a pass costs comes from the latest
    records of the same method, with heads and evaluation in it. Without records it is 1.5 times the backbone's own
    forward pass.
    """

    def __init__(self, backbone: TimmBackbone, records: Iterable[CellResult]) -> None:
        self.backbone = backbone
        device = describe_device(str(backbone.device))
        self.here = place(NetworkFacts(**backbone.describe()), device, str(backbone.precision))
        self.known: dict[tuple[str, str], list[Amount]] = defaultdict(list)
        for record in records:
            self.learn(record)

    def __call__(self, cell: Cell) -> Amount:
        """What one cell is expected to cost, without its tuning."""
        if same := self.known[cell.label.text, cell.stage]:
            return typical(same) * passes(cell)
        if cell.stage == "final" and (trials := self.known[cell.label.text, "trial"]):
            evaluation = self.forward * cell.found.test_images
            return typical(trials) * (cell.method.passes * cell.found.train_images) + evaluation
        if finals := self.known[cell.label.text, "final"]:
            return typical(finals) * passes(cell)
        return self.forward * CAUTION * passes(cell)

    def tuned(self, cell: Cell) -> Amount:
        """What a final cell is expected to cost with all the trials of its tuning, if none is pruned."""
        if cell.tuning is None:
            return self(cell)
        trial, count, more = self(replace(cell, stage="trial")), cell.tuning.trials or 1, searched(cell)
        return self(cell) * more + trial * (1 + (count - 1) * more)

    def learn(self, record: CellResult) -> None:
        """Learns what a cell really cost. One that was cut off costs more than it had spent, and than was expected."""
        expected = record.expectation
        made = record.environment
        if expected is None or not expected.passes or place(record.network, made.device, made.precision) != self.here:
            return
        spent = Amount(record.cost.spent_seconds, record.cost.spent_flops)
        if record.status == "done":
            self.known[record.method, record.stage].append(spent * (1 / expected.passes))
        elif record.status == "failed" and spent.seconds > expected.seconds:
            least = largest(spent * CAUTION, Amount(expected.seconds, expected.flops))
            self.known[record.method, record.stage].append(least * (1 / expected.passes))

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
        for name, values in method.space.items()
        if hasattr(values, "choices") and name not in cell.label.fixed and method.passes
    ]
    return math.prod(factors)


def passes(cell: Cell) -> float:
    """Forward passes of one image that a cell is expected to take; a trial sees no test image."""
    images, each, folds = cell.found.train_images, cell.method.passes, cell.method.folds
    if cell.stage == "final":
        return each * images + cell.found.test_images
    if cell.method.frozen:
        return each * images
    return (0.8 * each + 0.2) * images if folds == 1 else (each * (folds - 1) + 1) * images


def typical(amounts: Sequence[Amount]) -> Amount:
    """The median of the latest amounts, of seconds and of FLOPs."""
    recent = amounts[-RECENT:]
    return Amount(median(one.seconds for one in recent), median(one.flops for one in recent))


def place(network: NetworkFacts, device: str | None, precision: str | None) -> str:
    """What must be alike for the costs of two cells to tell anything about each other."""
    facts = asdict(replace(network, digest=None, checkpoint=None, precision=None))
    return json.dumps([facts, device, precision or FP32], sort_keys=True)  # older records name none
