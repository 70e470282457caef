"""Features of a frozen backbone: computed once a task, and attributed in full to each method that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.backbone.extract import Extract, extract, home
from bench.backbone.feature_cache import slot
from bench.backbone.last_blocks import Target
from bench.images.pixels import PixelCache
from bench.spec import Backbone, Images, Meter, Subset


@dataclass(frozen=True)
class Features:
    """Pooled activations of n images, one (n, width) block a tap, in the order of the network.

    What is held may be of half precision, and mapped from a file. It lies on the GPU that computed it if there is room,
    else in RAM. What is handed out is float32, at the same place.
    """

    held: tuple[Tensor, ...]

    @property
    def blocks(self) -> tuple[Tensor, ...]:
        """Each tap's features, float32 (n, width)."""
        return tuple(block.float() for block in self.held)

    @property
    def widths(self) -> list[int]:
        """The number of features of each tap."""
        return [block.shape[1] for block in self.held]

    def of(self, rows: Sequence[int]) -> Features:
        """The features of some of the images; neighbouring images are not copied."""
        first, count = (rows[0] if len(rows) else 0), len(rows)
        near = list(rows) == list(range(first, first + count))
        if near:
            return Features(tuple(block[first : first + count] for block in self.held))
        numbers = torch.tensor(rows, device=self.held[0].device)
        return Features(tuple(block.index_select(0, numbers) for block in self.held))

    def concatenated(self) -> Tensor:
        """float32 (n, features), the blocks side by side."""
        whole = torch.empty(len(self.held[0]), sum(self.widths), device=self.held[0].device)
        for block, part in zip(self.held, whole.split(self.widths, dim=1), strict=True):
            part.copy_(block)
        return whole


class FeatureCache:
    """The features of one set of images by one backbone, by pooling target. The disk cache serves images on disk.

    Each call is handed the images, so that they can own the cache.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._extracts: dict[Target, Extract] = {}

    def extract(self, images: Images, target: Target, meter: Meter) -> Extract:
        """The features of one target, computed where they are not there yet; `meter` is charged nothing."""
        self.prepare(images, [target], meter)
        return self._extracts[target]

    def prepare(self, images: Images, targets: Sequence[Target], meter: Meter) -> None:
        """Gets the features of several targets with one forward pass at most; `meter` is charged nothing.

        The pooled embedding (None) comes with every pass. Raises UserError where an activation is not finite.
        """
        missing = [target for target in dict.fromkeys(targets) if target not in self._extracts]
        if missing and None not in missing and None not in self._extracts:
            missing.append(None)
        missing = [target for target in missing if not self._on_disk(images, target)]
        made = extract(self.backbone, images, missing, meter) if missing else {}
        for target, found in made.items():
            self._extracts[target] = found
            file = slot(self.backbone, images, target)
            if file is not None:
                file.put(found)

    def _on_disk(self, images: Images, target: Target) -> bool:
        """Reads the features of a target that an earlier run left on disk; returns whether there are any."""
        file = slot(self.backbone, images, target)
        found = file.take() if file is not None else None
        if found is not None:
            place = home(sum(block.numel() for block in found.held), self.backbone.device)
            self._extracts[target] = replace(found, held=tuple(block.to(place) for block in found.held))
        return found is not None


class TaskImages(PixelCache):
    """A task's training images with their pixels and features, for as long as the task is at work."""

    def __init__(self, images: Images, backbone: Backbone) -> None:
        super().__init__(images)
        self.features = FeatureCache(backbone)
        self.activations: dict[str, Extract] = {}  # by where the backbone was cut; see bench.backbone.activations

    def prepare(self, targets: Sequence[Target], meter: Meter) -> None:
        """Gets the features of several targets, as `FeatureCache.prepare`."""
        self.features.prepare(self, targets, meter)


def features(backbone: Backbone, images: Images, target: Target, charge: Meter) -> Features:
    """The features of a training split. They are computed once a task and attributed to each caller.

    `target` is Head2Toe's T, the nominal number of features a tap. None asks for the pooled embedding alone. The
    features of a subset are rows of those of all images; the pass over all images is attributed, also where an earlier
    run on the same device made it. Raises UserError where an activation is not finite.
    """
    whole, rows = origin(images)
    cache = whole.features if isinstance(whole, TaskImages) else FeatureCache(backbone)
    found = cache.extract(whole, target, charge)
    charge.found(found.flops, found.seconds)
    all_of_them = Features(found.held)
    return all_of_them if rows is None else all_of_them.of(rows)


def origin(images: Images) -> tuple[Images, Sequence[int] | None]:
    """The images that these are a subset of, and the numbers of these among them (None: all)."""
    if not isinstance(images, Subset):
        return images, None
    whole, rows = origin(images.images)
    return whole, images.indices if rows is None else [rows[index] for index in images.indices]
