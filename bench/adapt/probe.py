"""Probes: adapted backbones that leave the backbone as it is and read some of its pooled features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bench.adapt.solvers.head import Head
from bench.backbone.features import Features
from bench.backbone.forward import read, taps
from bench.backbone.pooling import pooled_width
from bench.costs.clock import Clock
from bench.spec import Backbone

NORMS = "norms"  # with a tap and a target, the clock's label of the tap's norms


@dataclass(frozen=True)
class Piece:
    """What a probe reads of one tap."""

    columns: Tensor | None  # int64 (kept,), counted within the tap; None for all of them
    weight: Tensor  # (classes, kept), in which order a product with many features and few classes is fastest
    whole: bool  # what is read is scaled by the norm of the whole tap, which all probes can share


@dataclass(frozen=True)
class Probe:
    """Which pooled features, and a linear head on them.

    `target` is the pooling target of bench.backbone.features. `selected` are the sorted columns that are kept of all
    its features; each tap's kept part is scaled to unit norm (the whole tap, if `whole`). None keeps all of them as
    they are.
    """

    backbone: Backbone
    target: int | None
    selected: Tensor | None  # int64 (kept,)
    width: int  # features before selection
    weight: Tensor  # (kept, classes)
    bias: Tensor  # (classes,)
    whole: bool = False

    @classmethod
    def of(cls, backbone: Backbone, target: int | None, head: Head, whole: bool = False) -> Probe:
        """The probe of a head that was solved on features of this target."""
        selected = None if head.selected is None else head.selected.to(backbone.device)
        return cls(backbone, target, selected, sum(widths(backbone, target)), head.weight, head.bias, whole)

    @cached_property
    def pieces(self) -> Mapping[str, Piece]:
        """What it reads of each tap of which it reads anything."""
        names, sizes = [tap.name for tap in taps(self.backbone, self.target)], widths(self.backbone, self.target)
        columns = per_block(sizes, self.selected) if self.selected is not None else [torch.arange(n) for n in sizes]
        parts = self.weight.split([len(chosen) for chosen in columns])
        return {
            name: Piece(
                chosen if len(chosen) < size else None,
                weight.t().contiguous(),
                self.selected is not None and (self.whole or len(chosen) == size),
            )
            for name, size, chosen, weight in zip(names, sizes, columns, parts, strict=True)
            if len(chosen)
        }

    def add(self, name: str, pooled: Tensor, lengths: Tensor | None, scores: Tensor) -> None:
        """Adds to scores (classes, batch), in place, what the features (batch, width) of one tap contribute.

        `lengths` (batch, 1) are the norms of the whole tap, for a piece that is scaled by them.
        """
        piece = self.pieces[name]
        part = (pooled if piece.columns is None else pooled.index_select(1, piece.columns)).float()
        if self.selected is None:
            scores.addmm_(piece.weight, part.t())
        else:
            scores.addcdiv_(piece.weight @ part.t(), (norms(part) if lengths is None else lengths).t())

    def chosen(self) -> dict[str, tuple[int, int]] | None:
        """(kept, all) features of each tap in the order of the network; None where nothing was selected."""
        if self.selected is None:
            return None
        sizes = widths(self.backbone, self.target)
        counts = [(len(columns), size) for columns, size in zip(per_block(sizes, self.selected), sizes, strict=True)]
        return dict(zip([tap.name for tap in taps(self.backbone, self.target)], counts, strict=True))

    def logits(self, images: Tensor) -> Tensor:
        """Scores (batch, classes) of uint8 pixels (batch, 3, size, size) on the backbone's device."""
        return score_together(self.backbone, [self], images, Clock(self.backbone.device))[0]

    def score(self, features: Features) -> Tensor:
        """Scores (batch, classes) of features that were read already."""
        return select(features, self.selected, self.whole) @ self.weight + self.bias

    def stored(self) -> Mapping[str, Tensor]:
        """The head, and which features it reads: as a bit a feature or as an index each, whichever is smaller."""
        head = {"weight": self.weight.cpu(), "bias": self.bias.cpu()}
        if self.selected is None:
            return head
        return head | pack(self.selected, self.width)


def score_together(backbone: Backbone, probes: Sequence[Probe], images: Tensor, clock: Clock) -> list[Tensor]:
    """Scores of each probe from one pass over uint8 (batch, 3, size, size) in which every tap is read as it appears.

    Nothing but the scores is held beyond a tap. The work of a probe alone is labelled with its number; the norms of a
    tap are taken once for all that need them.
    """
    scores = [probe.bias[:, None].repeat(1, len(images)) for probe in probes]
    readers: dict[tuple[str, int | None], list[int]] = {}
    for number, probe in enumerate(probes):
        for name in probe.pieces:
            readers.setdefault((name, probe.target), []).append(number)
    wanted: dict[str, list[int | None]] = {}
    for name, target in readers:
        wanted.setdefault(name, []).append(target)

    def receive(name: str, target: int | None, pooled: Tensor) -> None:
        lengths = None
        if any(probes[number].pieces[name].whole for number in readers[name, target]):
            lengths = norms(pooled.float())
            clock.lap((name, target, NORMS))
        for number in readers[name, target]:
            probe = probes[number]
            probe.add(name, pooled, lengths if probe.pieces[name].whole else None, scores[number])
            clock.lap(number)

    read(backbone, images, wanted, receive, clock)
    return [of_probe.t() for of_probe in scores]


def restore(backbone: Backbone, target: int | None, stored: Mapping[str, Tensor], whole: bool = False) -> Probe:
    """The probe that `stored` was taken from."""
    width = sum(widths(backbone, target))
    selected = unpack(stored, width)
    device = backbone.device
    kept = selected.to(device) if selected is not None else None
    return Probe(backbone, target, kept, width, stored["weight"].to(device), stored["bias"].to(device), whole)


def pack(selected: Tensor, width: int) -> dict[str, Tensor]:
    """Which of `width` features are kept, as a bit each or as a list of indices, whichever is smaller."""
    mask = np.zeros(width, dtype=bool)
    mask[selected.cpu().numpy()] = True
    packed = torch.from_numpy(np.packbits(mask))
    index = selected.cpu().to(torch.int32)
    return {"mask": packed} if packed.nbytes <= index.nbytes else {"index": index}


def unpack(stored: Mapping[str, Tensor], width: int) -> Tensor | None:
    """What `pack` was given: int64 (kept,); None where nothing was selected."""
    if "index" in stored:
        return stored["index"].long()
    if "mask" in stored:
        return torch.from_numpy(np.unpackbits(stored["mask"].numpy(), count=width)).nonzero()[:, 0]
    return None


def select(features: Features, selected: Tensor | None, whole: bool = False) -> Tensor:
    """The chosen columns (n, kept), each tap's part (or `whole`) scaled to unit l2 norm; without a choice all as is."""
    if selected is None:
        return features.concatenated()
    parts = []
    for block, columns in zip(features.held, per_block(features.widths, selected), strict=True):
        if len(columns):
            kept = (
                block if len(columns) == block.shape[1] else block.index_select(1, columns.to(block.device))
            ).float()
            parts.append(kept / norms(block.float() if whole else kept))
    return torch.cat(parts, dim=1)


def norms(part: Tensor) -> Tensor:
    """l2 norms (n, 1) to divide by: never 0."""
    length: Tensor = torch.linalg.vector_norm(part, dim=1, keepdim=True)
    return length.clamp_min(1e-12)


def per_block(sizes: list[int], selected: Tensor) -> list[Tensor]:
    """The chosen columns of each block of these widths, counted within it."""
    ends = torch.tensor(sizes).cumsum(0)
    bounds = torch.searchsorted(selected.cpu(), ends).tolist()
    starts = [0, *bounds[:-1]]
    offsets = [0, *ends.tolist()[:-1]]
    return [selected[start:end] - offset for start, end, offset in zip(starts, bounds, offsets, strict=True)]


def widths(backbone: Backbone, target: int | None) -> list[int]:
    """Features each tap gives."""
    return [pooled_width(tap, target) for tap in taps(backbone, target)]
