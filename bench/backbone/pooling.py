"""Pooling: a tap's activations averaged in windows to about T numbers, as Head2Toe's official code does it.

Source: google-research/head2toe @ 6277f63. The features are in that code's order too: place by place, and all channels
of a place together. A network in channels-last memory holds them in the same order.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from bench.backbone.last_blocks import Target
from bench.spec import Tap

LARGE = 6  # places a side


def kernel(shape: tuple[int, ...], layout: str, target: int) -> tuple[int, int]:
    """The pooling window over one example's map (height, width) or tokens (count, 1). Its stride is its size.

    With C channels: where C >= target, one window over all places. Otherwise a map has int(sqrt(target // C)) windows a
    row, and N tokens in raster order have windows of int(N / (target / C)) tokens, at least one.
    """
    rows, columns, channels = _sides(shape, layout)
    if channels >= target:
        return rows, columns
    if layout == "tokens":
        return max(1, int(rows / (target / channels))), 1
    side = max(1, columns // int((target // channels) ** 0.5))
    return side, side


def pooled_width(tap: Tap, target: Target) -> int:
    """How many numbers `pool` makes of one example of a tap."""
    if tap.layout == "vector" or not isinstance(target, int):
        return tap.shape[0]
    rows, columns, channels = _sides(tap.shape, tap.layout)
    down, right = kernel(tap.shape, tap.layout, target)
    return (rows // down) * (columns // right) * channels


def pool(output: Tensor, layout: str, target: int | None) -> Tensor:
    """Features (batch, about `target`) of one tap's output; vectors stay. They may share memory with `output`."""
    if layout == "vector" or target is None:
        return output
    window = kernel(tuple(output.shape[1:]), layout, target)
    if layout == "tokens":  # a map one place wide
        output = output.unsqueeze(2)
    places = output.permute(0, 2, 3, 1) if layout == "nchw" else output
    return average(places, window).flatten(1)


def average(places: Tensor, window: tuple[int, int]) -> Tensor:
    """The means of windows of (batch, rows, columns, channels). What is left over at the borders is not read.

    Several large windows are summed along their rows first: there, all columns and channels are one stretch of memory.
    That takes half to four fifths of the time of torch's pooling, which is faster for all other windows.
    """
    down, right = window
    if window == (1, 1):
        return places
    high, wide = places.shape[1] // down, places.shape[2] // right
    if down < LARGE or high == 1 or not places.is_contiguous():
        return functional.avg_pool2d(places.permute(0, 3, 1, 2), window).permute(0, 2, 3, 1)
    strips = places[:, : high * down, : wide * right].unflatten(1, (high, down)).flatten(3).sum(2)
    sums: Tensor = strips.unflatten(2, (wide, right, places.shape[3])).sum(3)
    return sums / (down * right)


def _sides(shape: tuple[int, ...], layout: str) -> tuple[int, int, int]:
    """(rows, columns, channels) of one example."""
    if layout == "tokens":
        return shape[0], 1, shape[1]
    return (shape[1], shape[2], shape[0]) if layout == "nchw" else (shape[0], shape[1], shape[2])
