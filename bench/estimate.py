"""What a cell is expected to cost: from earlier records, else from the backbone's FLOPs and speed on this device."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

import torch

from bench.backbone import load
from bench.device import find_device
from bench.meter import Meter, synchronise
from bench.plan import earlier
from bench.spec import BackboneSpec, Cell, CellResult

BATCH = 32


class Estimator:
    """Expected (seconds, training FLOPs) of cells with one backbone. Heads are not in the estimate without records."""

    def __init__(self, backbone: BackboneSpec, records: Sequence[CellResult], device: str) -> None:
        self.backbone, self.records, self.device = backbone, records, find_device(device)

    def __call__(self, cell: Cell) -> tuple[float, float]:
        known = earlier(cell, self.records)
        if known is not None:
            return known
        flops, seconds = self.forward
        training = cell.method.passes * cell.found.train_images
        return seconds * (training + cell.found.test_images), flops * training

    @cached_property
    def forward(self) -> tuple[float, float]:
        """FLOPs and seconds of one image's forward pass, measured on a batch."""
        backbone = load(self.backbone, self.device)
        images = torch.zeros(BATCH, 3, backbone.image_size, backbone.image_size, dtype=torch.uint8)
        meter = Meter(self.device)

        def pass_once() -> None:
            with torch.no_grad():
                backbone.module(backbone.inputs(images))
            synchronise(self.device)

        for _ in range(2):  # the first pass warms up, the second is timed
            began = time.perf_counter()
            meter.step("forward", pass_once)
        for_one = time.perf_counter() - began
        return meter.flops / 2 / BATCH, for_one / BATCH
