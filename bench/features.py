"""Features of a frozen backbone: tapped activations pooled inside the forward pass, computed once a task and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from bench import data
from bench.spec import Backbone, Images, Meter
from bench.taps import EMBEDDING, Tap, find_taps, listen

BATCH = 64  # images a forward pass


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


def taps(backbone: Backbone, target: int | None) -> list[Tap]:
    """The taps that a pooling target reads: all of them, or the pooled embedding alone when it is None."""
    if "taps" not in backbone.features:
        backbone.features["taps"] = find_taps(backbone.module, backbone.image_size)
    found: list[Tap] = backbone.features["taps"]
    return [tap for tap in found if target is not None or tap.name == EMBEDDING]


def features(backbone: Backbone, images: Images, target: int | None, charge: Meter) -> Features:
    """Features of all images of a training split, on the CPU; computed once, then attributed to whoever asks again.

    `target` is Head2Toe's T, the nominal numbers a tap; None asks for the pooled embedding alone. Those of a part of
    other images are rows of theirs, and the pass over all of them is attributed.
    """
    whole, rows = origin(images)
    key = (id(whole), target)
    if key not in backbone.features:
        prepare(backbone, whole, [target], charge)
    computed: Features
    computed, shared, _ = backbone.features[key]
    charge.found(shared)
    return computed if rows is None else computed.of(rows)


def prepare(backbone: Backbone, images: Images, targets: Sequence[int | None], meter: Meter) -> None:
    """Computes the features of several targets in one pass, for `features` to find; charges `meter` with nothing.

    The pooled embedding comes with every target, and targets that are there already are left alone.
    """
    whole, _ = origin(images)
    wanted = [target for target in dict.fromkeys(targets) if (id(whole), target) not in backbone.features]
    if not wanted:
        return
    shared = meter.alone()
    computed = _compute(backbone, whole, wanted, shared)
    shared.stop()
    if any(target is not None for target in wanted):
        computed |= {None: embedding_of(backbone, computed)}
    for target, found in computed.items():  # the images are held, so that no others can get their id
        backbone.features.setdefault((id(whole), target), (found, shared, whole))


def origin(images: Images) -> tuple[Images, Sequence[int] | None]:
    """The images of which these are a part, and which of them; None for all."""
    if not isinstance(images, data.Part):
        return images, None
    whole, rows = origin(images.images)
    return whole, images.indices if rows is None else [rows[index] for index in images.indices]


def embedding_of(backbone: Backbone, computed: Mapping[int | None, Features]) -> Features:
    """The pooled embedding, out of features of any target."""
    target, found = next(iter(computed.items()))
    place = [tap.name for tap in taps(backbone, target)].index(EMBEDDING)
    return Features((found.blocks[place],))


def _compute(
    backbone: Backbone, images: Images, targets: list[int | None], shared: Meter
) -> dict[int | None, Features]:
    pixels = data.pixels(images, backbone.image_size)
    parts: dict[int | None, list[tuple[Tensor, ...]]] = {target: [] for target in targets}
    for batch in pixels.split(BATCH):
        read = shared.step(("forward", batch.shape), partial(read_taps, backbone, batch, targets))
        for target in targets:
            parts[target].append(tuple(block.cpu() for block in read[target].blocks))
    return {
        target: Features(tuple(torch.cat(blocks) for blocks in zip(*of_target, strict=True)))
        for target, of_target in parts.items()
    }


@torch.no_grad()
def read_taps(backbone: Backbone, images: Tensor, targets: list[int | None]) -> Mapping[int | None, Features]:
    """One forward pass over uint8 (batch, 3, size, size), pooled for every target within its hooks."""
    wanted = {target: taps(backbone, target) for target in targets}
    layouts = {tap.name: tap.layout for found in wanted.values() for tap in found}
    kept: dict[tuple[str, int | None], Tensor] = {}

    def receive(name: str, output: Tensor) -> None:
        for target, found in wanted.items():
            if any(tap.name == name for tap in found):
                kept[name, target] = pool(output, layouts[name], target).float()

    with listen(backbone.module, list(layouts), receive):
        backbone.module(backbone.inputs(images))
    return {target: Features(tuple(kept[tap.name, target] for tap in found)) for target, found in wanted.items()}


def pool(output: Tensor, layout: str, target: int | None) -> Tensor:
    """(batch, about `target`) from one tap's output, as Head2Toe's code pools (google-research/head2toe @ 6277f63).

    Vectors stay. With C channels and C >= target the mean over all places; otherwise windows as large as their stride:
    int(sqrt(target // C)) a row of a map, int(target / C) over the raster order of tokens, at least one place each.
    """
    if layout == "vector" or target is None:
        return output
    if layout == "nhwc":
        output = output.permute(0, 3, 1, 2)
    if layout == "tokens":
        output = output.transpose(1, 2)
    channels = output.shape[1]
    if channels >= target:
        return output.flatten(2).mean(dim=2)
    if layout == "tokens":
        window = max(1, int(output.shape[2] / (target / channels)))
        return functional.avg_pool1d(output, window, window).flatten(1)
    window = max(1, output.shape[3] // int((target // channels) ** 0.5))
    return functional.avg_pool2d(output, window, window).flatten(1)
