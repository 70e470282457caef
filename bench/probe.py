"""Probes: adapted backbones that leave the backbone as it is and read some of its pooled features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.features import Features, read_taps
from bench.spec import Backbone


@dataclass(frozen=True)
class Probe:
    """Which pooled features, and a linear head on them.

    `target` is the pooling target of bench.features; `selected` the sorted columns that are kept of all its features,
    each tap's kept part scaled to unit norm (the whole tap, if `whole`), or None for all of them as they are.
    """

    backbone: Backbone
    target: int | None
    selected: Tensor | None  # int64 (kept,)
    width: int  # features before selection
    weight: Tensor  # (kept, classes)
    bias: Tensor  # (classes,)
    whole: bool = False

    def logits(self, images: Tensor) -> Tensor:
        return self.score(read_taps(self.backbone, images, [self.target])[self.target])

    def score(self, features: Features) -> Tensor:
        """Scores (batch, classes) of features that were read already."""
        return select(features, self.selected, self.whole) @ self.weight + self.bias

    def stored(self) -> Mapping[str, Tensor]:
        """The head, and which features it reads: as a bit a feature or as an index each, whichever is smaller."""
        head = {"weight": self.weight.cpu(), "bias": self.bias.cpu()}
        if self.selected is None:
            return head
        mask = np.zeros(self.width, dtype=bool)
        mask[self.selected.cpu().numpy()] = True
        packed = torch.from_numpy(np.packbits(mask))
        index = self.selected.cpu().to(torch.int32)
        return head | ({"mask": packed} if packed.nbytes <= index.nbytes else {"index": index})


def restore(backbone: Backbone, target: int | None, stored: Mapping[str, Tensor], whole: bool = False) -> Probe:
    """The probe that `stored` was taken from."""
    width = sum(_widths(backbone, target))
    selected = None
    if "index" in stored:
        selected = stored["index"].long()
    elif "mask" in stored:
        selected = torch.from_numpy(np.unpackbits(stored["mask"].numpy(), count=width)).nonzero()[:, 0]
    device = backbone.device
    kept = selected.to(device) if selected is not None else None
    return Probe(backbone, target, kept, width, stored["weight"].to(device), stored["bias"].to(device), whole)


def select(features: Features, selected: Tensor | None, whole: bool = False) -> Tensor:
    """The chosen columns (n, kept), each tap's part (or `whole`) scaled to unit l2 norm; without a choice all as is."""
    if selected is None:
        return features.concatenated()
    parts = []
    for block, columns in zip(features.blocks, _per_block(features.widths, selected), strict=True):
        if len(columns):
            kept = block if len(columns) == block.shape[1] else block[:, columns.to(block.device)]
            scaled = block if whole else kept
            parts.append(kept / scaled.norm(dim=1, keepdim=True).clamp_min(1e-12))
    return torch.cat(parts, dim=1)


def _per_block(widths: list[int], selected: Tensor) -> list[Tensor]:
    """The chosen columns of each block, counted within it."""
    ends = torch.tensor(widths).cumsum(0)
    bounds = torch.searchsorted(selected.cpu(), ends).tolist()
    starts = [0, *bounds[:-1]]
    offsets = [0, *ends.tolist()[:-1]]
    return [selected[start:end] - offset for start, end, offset in zip(starts, bounds, offsets, strict=True)]


def _widths(backbone: Backbone, target: int | None) -> list[int]:
    """Features each tap gives, from one blank image."""
    key = ("widths", target)
    if key not in backbone.features:
        size = backbone.image_size
        blank = torch.zeros(1, 3, size, size, dtype=torch.uint8)
        backbone.features[key] = read_taps(backbone, blank, [target])[target].widths
    widths: list[int] = backbone.features[key]
    return widths
