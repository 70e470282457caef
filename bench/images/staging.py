"""Staging: batches come to the device from pinned memory, each copied while the one before it is computed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from bench.images.threads import ahead


def staged(batches: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The same batches. For a CUDA device each is pinned in another thread, and its copy to the device has begun when
    the one before it is handed out; for all other devices they are handed on as they are.
    """
    if device.type != "cuda":
        yield from batches
        return
    copies = torch.cuda.Stream(device)
    coming: tuple[Tensor, torch.cuda.Event] | None = None
    for pinned in ahead(_pinned(batch, device) for batch in batches):
        with torch.cuda.stream(copies):
            moved = pinned.to(device, non_blocking=True)
            arrived = copies.record_event()
        if coming is not None:
            yield _ready(*coming)
        coming = moved, arrived
    if coming is not None:
        yield _ready(*coming)


def _pinned(batch: Tensor, device: torch.device) -> Tensor:
    """A copy that the device can fetch by itself. torch keeps its memory until the device has done so."""
    with torch.cuda.device(device):  # a thread begins on the first device
        return batch.pin_memory()


def _ready(moved: Tensor, arrived: torch.cuda.Event) -> Tensor:
    """A batch for the device's current stream, which waits for the copy; the host does not."""
    stream = torch.cuda.current_stream(moved.device)
    stream.wait_event(arrived)
    moved.record_stream(stream)  # so that its memory is not given to the next copy while the network still reads it
    return moved
