"""One forward pass of a frozen backbone in which taps are pooled as they appear, with the seconds of each piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from bench.backbone.pooling import pool
from bench.backbone.taps import EMBEDDING, LOGITS, listen
from bench.costs.clock import FORWARD, Clock
from bench.spec import Backbone, Tap, UserError


def taps(backbone: Backbone, target: int | None) -> list[Tap]:
    """The taps that a pooling target reads: all of them, or the pooled embedding alone when it is None.

    Raises UserError for a target where no layer but the last can be read, or that asks for no numbers.
    """
    if target is not None and target < 1:
        raise UserError(f"a pooling target of {target} leaves nothing of a layer; choose 1 or more")
    found = backbone.taps
    if target is not None and {tap.name for tap in found} <= {EMBEDDING, LOGITS}:
        kind = type(backbone.module).__name__
        raise UserError(f"{kind} has no layer that Head2Toe can tap; choose a CNN or ViT of timm")
    return [tap for tap in found if target is not None or tap.name == EMBEDDING]


@torch.no_grad()
def read(
    backbone: Backbone,
    images: Tensor,
    wanted: Mapping[str, Sequence[int | None]],
    receive: Callable[[str, int | None, Tensor], None],
    clock: Clock,
) -> None:
    """One pass over uint8 (batch, 3, size, size); hands each wanted tap, pooled to each of its targets, to `receive`.

    What is handed over, (batch, width), may share memory with the network and holds until `receive` returns. A tap and
    a target together are the label of the time that pooling took; `receive` labels its own.
    """
    layouts = {tap.name: tap.layout for tap in backbone.taps}

    def hook(name: str, output: Tensor) -> None:
        clock.lap(FORWARD)
        for target in wanted[name]:
            pooled = pool(output, layouts[name], target)
            clock.lap((name, target))
            receive(name, target, pooled)

    clock.start()
    with listen(backbone.module, list(wanted), hook):
        backbone.module(backbone.inputs(images))
    clock.lap(FORWARD)
