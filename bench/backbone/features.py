"""Features of a frozen backbone, computed once a task, kept in memory and on disk, attributed to each who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.backbone.extract import Extract, extract
from bench.backbone.feature_cache import slot
from bench.images.pixels import Part
from bench.spec import Backbone, Images, Meter


@dataclass(frozen=True)
class Features:
    """Pooled activations of n images, one (n, width) block a tap, in the order of the network.

    What is held may be of half precision, and mapped from a file; all that is handed out is float32.
    """

    held: tuple[Tensor, ...]

    @property
    def blocks(self) -> tuple[Tensor, ...]:
        """Each tap's features, float32 (n, width)."""
        return tuple(block.float() for block in self.held)

    @property
    def widths(self) -> list[int]:
        return [block.shape[1] for block in self.held]

    def of(self, rows: Sequence[int]) -> Features:
        """Those of some of the images; of neighbouring ones without a copy."""
        first, count = (rows[0] if len(rows) else 0), len(rows)
        near = list(rows) == list(range(first, first + count))
        chosen = slice(first, first + count) if near else torch.tensor(rows)
        return Features(tuple(block[chosen] for block in self.held))

    def concatenated(self) -> Tensor:
        """float32 (n, features), the blocks side by side."""
        return torch.cat(self.blocks, dim=1)


def features(backbone: Backbone, images: Images, target: int | None, charge: Meter) -> Features:
    """Features of all images of a training split, on the CPU; computed once, then attributed to whoever asks again.

    `target` is Head2Toe's T, the nominal numbers a tap; None asks for the pooled embedding alone. Those of a part of
    other images are rows of theirs, and the pass over all of them is attributed, also where it was an earlier run's on
    the same device. Raises UserError where an activation is not finite.
    """
    whole, rows = origin(images)
    if (id(whole), target) not in backbone.features:
        prepare(backbone, whole, [target], charge)
    found: Extract
    found, _ = backbone.features[id(whole), target]
    charge.found(found)
    all_of_them = Features(found.held)
    return all_of_them if rows is None else all_of_them.of(rows)


def prepare(backbone: Backbone, images: Images, targets: Sequence[int | None], meter: Meter) -> None:
    """Gets the features of several targets with one pass at most, for `features` to find; charges `meter` nothing.

    The pooled embedding comes with every target; what is in memory or on disk already is not computed again.
    """
    whole, _ = origin(images)
    missing = [target for target in dict.fromkeys(targets) if (id(whole), target) not in backbone.features]
    if missing and None not in missing and (id(whole), None) not in backbone.features:
        missing.append(None)
    for target in list(missing):
        shelf = slot(backbone, whole, target)
        if shelf is not None and (kept := shelf.take()) is not None:
            backbone.features[id(whole), target] = (kept, whole)  # the images are held, lest others get their id
            missing.remove(target)
    if not missing:
        return
    for target, made in extract(backbone, whole, missing, meter).items():
        backbone.features[id(whole), target] = (made, whole)
        shelf = slot(backbone, whole, target)
        if shelf is not None:
            shelf.put(made)


def origin(images: Images) -> tuple[Images, Sequence[int] | None]:
    """The images of which these are a part, and which of them; None for all."""
    if not isinstance(images, Part):
        return images, None
    whole, rows = origin(images.images)
    return whole, images.indices if rows is None else [rows[index] for index in images.indices]
