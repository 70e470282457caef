"""Extraction: one forward pass of the frozen backbone over all training images, with the pooled features held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from bench.backbone.forward import read, taps
from bench.backbone.last_blocks import Target
from bench.backbone.pooling import pooled_width
from bench.costs.clock import Clock
from bench.costs.memory import Halving, fits, free_bytes
from bench.images.pixels import pixels as load_pixels
from bench.images.staging import staged
from bench.spec import Backbone, Images, Meter, UserError

BATCH, MOST = 64, 512  # images a forward pass: on a CPU, and at most
PIXEL = 1024  # bytes of activations that a network may hold at once for a pixel of its input
ROUNDING = 2.0**-10  # the relative error (l2) that half precision may make, its own for numbers of ordinary size
Place = tuple[str, Target]  # a tap and a target


@dataclass(frozen=True)
class Extract:
    """The pooled features of n images for one target, and what a forward pass for this target alone costs."""

    held: tuple[Tensor, ...]  # (n, width) a tap, float16 or float32, on the GPU or in RAM
    flops: int
    seconds: float


def extract(backbone: Backbone, images: Images, targets: Sequence[Target], charge: Meter) -> dict[Target, Extract]:
    """One pass for all targets. Each target is attributed the seconds of the pass without the pooling of the others.

    Taps are held in half precision where that changes their numbers by no more than its rounding. The pooled embedding
    alone (None) is held in full precision. Raises UserError where an activation is not finite.
    """
    shared = charge.alone()
    sink = _filled(Sink(backbone, len(images), targets), images, shared)
    if (place := sink.not_finite()) and sink.held[place].dtype == torch.float16:  # a later image went beyond its range
        shared = charge.alone()
        sink = _filled(Sink(backbone, len(images), targets, exact=True), images, shared)
    if place := sink.not_finite():
        raise UserError(f"the backbone's activations at {place[0]} are not finite; check its weights and preprocessing")
    return {target: sink.extract(target, shared) for target in targets}


def _filled(sink: Sink, images: Images, shared: Meter) -> Sink:
    def work(part: Tensor) -> None:
        shared.step(("forward", part.shape), partial(sink.take, part))

    most = batch_size(sink.backbone)
    halving = Halving()
    for batch in staged(load_pixels(images, sink.backbone.image_size).split(most), sink.backbone.device):
        for _ in halving(batch, work):
            pass
    shared.stop()
    return sink


def batch_size(backbone: Backbone) -> int:
    """Images a forward pass: as many as a quarter of a GPU's free memory surely has room for, and a few on a CPU."""
    if backbone.device.type != "cuda":
        return BATCH
    room = free_bytes(backbone.device) // 4 // (PIXEL * backbone.image_size**2)
    return min(MOST, max(BATCH, room // BATCH * BATCH))


def home(numbers: int, device: torch.device) -> torch.device:
    """Where so many pooled numbers are held: on the GPU that computes them if it has room for them, else in RAM.

    An Apple GPU holds none: the solvers, which read them, need float64 and run on the CPU there.
    """
    return device if device.type == "cuda" and fits(4 * numbers, device) else torch.device("cpu")


class Sink:
    """Sends batch after batch through the backbone, and holds the pooled features alone."""

    def __init__(self, backbone: Backbone, count: int, targets: Sequence[Target], exact: bool = False) -> None:
        self.backbone, self.count, self.exact = backbone, count, exact
        self.clock = Clock(backbone.device)
        self.places = {target: [(tap.name, target) for tap in taps(backbone, target)] for target in targets}
        widths = [pooled_width(tap, target) for target in targets for tap in taps(backbone, target)]
        self.home = home(count * sum(widths), backbone.device)
        self.wanted = wanted([place for places in self.places.values() for place in places])
        self.held: dict[Place, Tensor] = {}
        self.waiting: dict[Place, Tensor] = {}
        self.done = 0

    def take(self, batch: Tensor) -> None:
        """Reads the next images, uint8 (batch, 3, height, width)."""
        try:
            read(self.backbone, batch, self.wanted, self._receive, self.clock)
            for place, pooled in self.waiting.items():
                self._put(place, pooled)
        finally:
            self.waiting.clear()  # so that a pass that ran out of memory holds nothing
        self.done += len(batch)

    def not_finite(self) -> Place | None:
        """A place where a number is not finite; None where all are."""
        return next(
            (place for place, block in self.held.items() if not block.sum(dtype=torch.float32).isfinite()), None
        )

    def extract(self, target: Target, shared: Meter) -> Extract:
        """The features of a target. `shared` is the meter of the pass."""
        pooling = {place: seconds for place, seconds in self.clock.seconds().items() if isinstance(place, tuple)}
        of_others = sum(seconds for place, seconds in pooling.items() if place[1] != target)
        held = tuple(self.held[place] for place in self.places[target])
        return Extract(held, shared.flops, shared.seconds - of_others)

    def _receive(self, name: str, target: Target, pooled: Tensor) -> None:
        held = self.held.get((name, target))
        if pooled.device.type == "cpu" or (held is not None and held.device == pooled.device):
            self._put((name, target), pooled)
        else:  # looked at or moved once the pass is through, so that the device need not wait at every tap
            self.waiting[name, target] = pooled.clone()
        self.clock.lap((name, target))

    def _put(self, place: Place, pooled: Tensor) -> None:
        if place not in self.held:
            half = not self.exact and place[1] is not None and half_serves(pooled)
            dtype = torch.float16 if half else torch.float32
            self.held[place] = torch.empty(self.count, pooled.shape[1], dtype=dtype, device=self.home)
        self.held[place][self.done : self.done + len(pooled)] = pooled


def half_serves(numbers: Tensor) -> bool:
    """Whether half precision can hold these numbers within its rounding: none is too large, and few are too small."""
    error = (numbers.half().float() - numbers).norm()
    return bool(error <= ROUNDING * numbers.norm())


def wanted(places: Sequence[Place]) -> dict[str, list[Target]]:
    """The targets for which each tap is read."""
    found: dict[str, list[Target]] = {}
    for name, target in places:
        found.setdefault(name, []).append(target)
    return found
