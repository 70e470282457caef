"""Probes: a linear head on pooled features of a backbone that stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.adapt.selection import norms, pack, per_block, select, unpack
from bench.adapt.solvers.head import Head
from bench.backbone.features import Features
from bench.backbone.forward import read, taps
from bench.backbone.last_blocks import LastBlocks, Target
from bench.backbone.pooling import pooled_width
from bench.costs.clock import Clock
from bench.spec import Backbone

NORMS = "norms"  # with a tap and a target, the clock's label of the tap's norms


@dataclass(frozen=True)
class Piece:
    """The part of a probe that reads one tap."""

    columns: Tensor | None  # int64 (kept,), counted within the tap; None for all of the tap
    weight: Tensor  # (classes, kept): in this order a product with many features and few classes is fastest
    whole: bool  # the features are divided by the norm of the whole tap, which all probes can share


@dataclass(frozen=True)
class Probe:
    """A linear head, and the pooled features that it reads.

    `target` is about how many numbers each tap is pooled to, or says which of the last blocks are read; None reads the
    pooled embedding alone. `selected` are the
    sorted columns that are read of all features. Each tap's selected part is divided by its l2 norm, or by that of the
    tap if `whole`. Where `selected` is None, all features are read as they are.
    """

    backbone: Backbone
    target: Target
    selected: Tensor | None  # int64 (kept,)
    width: int  # features before selection
    weight: Tensor  # (kept, classes)
    bias: Tensor  # (classes,)
    whole: bool = False

    @classmethod
    def of(cls, backbone: Backbone, target: Target, head: Head, whole: bool = False) -> Probe:
        """The probe of a head that was solved on the features of this target."""
        device = backbone.device
        selected = None if head.selected is None else head.selected.to(device)
        weight, bias = head.weight.to(device), head.bias.to(device)
        return cls(backbone, target, selected, sum(widths(backbone, target)), weight, bias, whole)

    @cached_property
    def pieces(self) -> Mapping[str, Piece]:
        """Its parts by the tap that each reads, in the order of the network; taps that it does not read have none."""
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
        """Adds to scores (classes, batch), in place, the part of one tap, whose features are `pooled` (batch, width).

        `lengths` (batch, 1) are the norms of the whole tap. They are needed where the piece is divided by them.
        """
        piece = self.pieces[name]
        part = pooled if piece.columns is None else pooled.index_select(1, piece.columns)
        if self.selected is None:
            scores.addmm_(piece.weight, part.t())
        else:
            scores.addcdiv_(piece.weight @ part.t(), (norms(part) if lengths is None else lengths).t())

    def chosen(self) -> dict[str, tuple[int, int]] | None:
        """How many features of each tap are read, and how many it has, by tap. None where nothing was selected.

        The embedding alone is never selected from: such a head reads it whole, with unit norm.
        """
        if self.selected is None or self.target is None:
            return None
        sizes = widths(self.backbone, self.target)
        counts = [(len(columns), size) for columns, size in zip(per_block(sizes, self.selected), sizes, strict=True)]
        return dict(zip([tap.name for tap in taps(self.backbone, self.target)], counts, strict=True))

    def logits(self, images: Tensor) -> Tensor:
        """Scores float32 (batch, classes) of uint8 pixels (batch, 3, height, width)."""
        return score_together(self.backbone, [self], images, Clock(self.backbone.device))[0]

    def score(self, features: Features) -> Tensor:
        """Scores (n, classes) of n images whose features, of all taps, have been read already."""
        x = select(features, self.selected, self.whole).to(self.weight.device)
        return self.finish(x @ self.weight + self.bias)

    def finish(self, scores: Tensor) -> Tensor:
        """The class scores (batch, classes): the linear ones, unless a kind of probe makes them of these."""
        return scores

    def stored(self) -> Mapping[str, Tensor]:
        """The head on the CPU, and which features it reads, as bench.adapt.selection packs them.

        `blocks` are the number of last blocks that are read, and whether their mean patch token is.
        """
        head = {"weight": self.weight.cpu(), "bias": self.bias.cpu()}
        if isinstance(self.target, LastBlocks):
            head["blocks"] = torch.tensor([self.target.count, self.target.mean])
        if self.selected is None:
            return head
        return head | pack(self.selected, self.width)


def score_together(backbone: Backbone, probes: Sequence[Probe], images: Tensor, clock: Clock) -> list[Tensor]:
    """The scores (batch, classes) of each probe from one pass over uint8 pixels (batch, 3, height, width).

    Each tap is read when the network computes it, and nothing but the scores is held afterwards. The norms of a whole
    tap are computed once for all probes that need them. The clock's label of work for one probe is its number.
    """
    scores = [probe.bias[:, None].repeat(1, len(images)) for probe in probes]
    readers: dict[tuple[str, Target], list[int]] = {}
    for number, probe in enumerate(probes):
        for name in probe.pieces:
            readers.setdefault((name, probe.target), []).append(number)
    wanted: dict[str, list[Target]] = {}
    for name, target in readers:
        wanted.setdefault(name, []).append(target)

    def receive(name: str, target: Target, pooled: Tensor) -> None:
        lengths = None
        if any(probes[number].pieces[name].whole for number in readers[name, target]):
            lengths = norms(pooled)
            clock.lap((name, target, NORMS))
        for number in readers[name, target]:
            probe = probes[number]
            probe.add(name, pooled, lengths if probe.pieces[name].whole else None, scores[number])
            clock.lap(number)

    read(backbone, images, wanted, receive, clock)
    return [probe.finish(of_probe.t()) for probe, of_probe in zip(probes, scores, strict=True)]


def restore(backbone: Backbone, target: Target, stored: Mapping[str, Tensor], whole: bool = False) -> Probe:
    """The probe from the tensors that its `stored` returned."""
    width = sum(widths(backbone, target))
    selected = unpack(stored, width)
    device = backbone.device
    kept = selected.to(device) if selected is not None else None
    return Probe(backbone, target, kept, width, stored["weight"].to(device), stored["bias"].to(device), whole)


def widths(backbone: Backbone, target: Target) -> list[int]:
    """How many features each tap gives for a target, in the order of the network."""
    return [pooled_width(tap, target) for tap in taps(backbone, target)]
