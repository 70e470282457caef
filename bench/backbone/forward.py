"""One forward pass of a frozen backbone. Taps are pooled as soon as they are computed, and each piece is timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from bench.backbone.last_blocks import LastBlocks, Target, last_taps, read_block
from bench.backbone.pooling import pool
from bench.backbone.taps import EMBEDDING, LOGITS, listen
from bench.costs.clock import FORWARD, Clock
from bench.costs.precision import exact
from bench.spec import Backbone, Tap, UserError


def taps(backbone: Backbone, target: Target) -> list[Tap]:
    """The taps that a pooling target reads: all of them, the last blocks, or for None the pooled embedding alone.

    Raises UserError for a target below 1, and for a network with no layer that can be read but the last.
    """
    if isinstance(target, LastBlocks):
        embedding = next(tap for tap in backbone.taps if tap.name == EMBEDDING)
        return last_taps(backbone.module, target, embedding)
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
    wanted: Mapping[str, Sequence[Target]],
    receive: Callable[[str, Target, Tensor], None],
    clock: Clock,
) -> None:
    """One pass over uint8 (batch, 3, height, width); hands each wanted tap, pooled to each target, to `receive`.

    `receive` is handed (name, target, features float32 (batch, width)). The features may share memory with the network,
    and are valid until `receive` returns. On the clock, (name, target) labels the seconds of pooling; `receive` labels
    its own.
    """
    layouts = {tap.name: tap.layout for tap in backbone.taps}
    network = backbone.module

    def hook(name: str, output: Tensor) -> None:
        clock.lap(FORWARD)
        with exact(backbone.device):  # what is read of the network is no part of it
            whole = output.float()
            for target in wanted[name]:
                features = pooled(network, name, layouts.get(name, ""), whole, target)
                clock.lap((name, target))
                receive(name, target, features)

    clock.start()
    with backbone.computing(trained=False), listen(network, list(wanted), hook):
        network(backbone.inputs(images))
    clock.lap(FORWARD)


def pooled(network: nn.Module, name: str, layout: str, output: Tensor, target: Target) -> Tensor:
    """Features (batch, width) of one tap's output for a target. They may share memory with `output`."""
    if isinstance(target, LastBlocks):
        return read_block(network, name, output, target)
    return pool(output, layout, target)
