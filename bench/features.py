"""Features of a frozen backbone: tapped activations pooled inside the forward pass, computed once a task and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from bench import data
from bench.pooling import pooled_width
from bench.reading import Clock, read, taps
from bench.spec import Backbone, Images, Meter, UserError

BATCH = 64  # images a forward pass
Place = tuple[str, int | None]  # a tap and a target


@dataclass(frozen=True)
class Features:
    """Pooled activations of n images: one float32 (n, width) block a tap, in the order of the network."""

    blocks: tuple[Tensor, ...]

    @property
    def widths(self) -> list[int]:
        return [block.shape[1] for block in self.blocks]

    def of(self, rows: Sequence[int]) -> Features:
        """Those of some of the images; of neighbouring ones without a copy."""
        first, count = (rows[0] if len(rows) else 0), len(rows)
        near = list(rows) == list(range(first, first + count))
        chosen = slice(first, first + count) if near else torch.tensor(rows)
        return Features(tuple(block[chosen] for block in self.blocks))

    def concatenated(self) -> Tensor:
        """(n, features), the blocks side by side."""
        return torch.cat(self.blocks, dim=1)


@dataclass(frozen=True)
class Pass:
    """Features of some images for one target, and what a pass that computes them alone costs."""

    features: Features
    flops: int
    seconds: float
    images: Images  # held, so that no others can get their id


def features(backbone: Backbone, images: Images, target: int | None, charge: Meter) -> Features:
    """Features of all images of a training split, on the CPU; computed once, then attributed to whoever asks again.

    `target` is Head2Toe's T, the nominal numbers a tap; None asks for the pooled embedding alone. Those of a part of
    other images are rows of theirs, and the pass over all of them is attributed. Raises UserError where an activation
    is not finite.
    """
    whole, rows = origin(images)
    key = ("pass", id(whole), target)
    if key not in backbone.features:
        prepare(backbone, whole, [target], charge)
    found: Pass = backbone.features[key]
    charge.found(found)
    return found.features if rows is None else found.features.of(rows)


def prepare(backbone: Backbone, images: Images, targets: Sequence[int | None], meter: Meter) -> None:
    """Computes the features of several targets in one pass, for `features` to find; charges `meter` with nothing.

    The pooled embedding comes with every target, and targets that are there already are left alone.
    """
    whole, _ = origin(images)
    wanted = [
        target for target in dict.fromkeys([*targets, None]) if ("pass", id(whole), target) not in backbone.features
    ]
    if wanted and not (wanted == [None] and None not in targets):
        for target, found in _compute(backbone, whole, wanted, meter.alone()).items():
            backbone.features["pass", id(whole), target] = found


def origin(images: Images) -> tuple[Images, Sequence[int] | None]:
    """The images of which these are a part, and which of them; None for all."""
    if not isinstance(images, data.Part):
        return images, None
    whole, rows = origin(images.images)
    return whole, images.indices if rows is None else [rows[index] for index in images.indices]


def _compute(
    backbone: Backbone, images: Images, targets: Sequence[int | None], shared: Meter
) -> dict[int | None, Pass]:
    """One pass over all images; to a target belong its seconds but for the pooling of the others."""
    pixels = data.pixels(images, backbone.image_size)
    clock = Clock(backbone.device)
    sink = Sink(backbone, len(pixels), targets, clock)
    for batch in pixels.split(BATCH):
        shared.step(("forward", batch.shape), partial(sink.take, batch))
    shared.stop()
    pooling = {place: seconds for place, seconds in clock.seconds().items() if isinstance(place, tuple)}
    total = sum(pooling.values())
    return {
        target: Pass(
            Features(sink.blocks(target)),
            shared.flops,
            shared.seconds - total + sum(seconds for place, seconds in pooling.items() if place[1] == target),
            images,
        )
        for target in targets
    }


class Sink:
    """Takes batch after batch through the backbone and holds what was pooled of each."""

    def __init__(self, backbone: Backbone, count: int, targets: Sequence[int | None], clock: Clock) -> None:
        self.backbone, self.clock = backbone, clock
        self.places = {target: [(tap.name, target) for tap in taps(backbone, target)] for target in targets}
        widths = {(tap.name, target): pooled_width(tap, target) for target in targets for tap in taps(backbone, target)}
        self.held = {place: torch.empty(count, width) for place, width in widths.items()}
        self.wanted = wanted(self.held)
        self.waiting: dict[Place, Tensor] = {}
        self.done = 0

    def take(self, batch: Tensor) -> None:
        """The next images, uint8 (batch, 3, size, size)."""
        read(self.backbone, batch, self.wanted, self._receive, self.clock)
        for place, pooled in self.waiting.items():
            self._put(place, pooled)
        self.waiting.clear()
        self.clock.seconds()
        self.done += len(batch)

    def blocks(self, target: int | None) -> tuple[Tensor, ...]:
        """All that was pooled for a target, tap by tap; raises UserError where it is not finite."""
        for place in self.places[target]:
            if not self.held[place].sum().isfinite():
                raise UserError(
                    f"the backbone's activations at {place[0]} are not finite; check its weights and preprocessing"
                )
        return tuple(self.held[place] for place in self.places[target])

    def _receive(self, name: str, target: int | None, pooled: Tensor) -> None:
        if pooled.device.type == "cpu":
            self._put((name, target), pooled)
        else:  # copied once the pass is through, so that the device need not wait at every tap
            self.waiting[name, target] = pooled.clone()
        self.clock.lap((name, target))

    def _put(self, place: Place, pooled: Tensor) -> None:
        self.held[place][self.done : self.done + len(pooled)] = pooled


def wanted(places: Mapping[Place, object]) -> dict[str, list[int | None]]:
    """The targets that are read at each tap."""
    found: dict[str, list[int | None]] = {}
    for name, target in places:
        found.setdefault(name, []).append(target)
    return found
