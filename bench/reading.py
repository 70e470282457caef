"""One forward pass of a frozen backbone in which taps are pooled as they appear, with the seconds of each piece."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from bench.pooling import pool
from bench.spec import Backbone, UserError
from bench.taps import EMBEDDING, LOGITS, Tap, find_taps, listen

FORWARD = "forward"  # the clock's label of the network itself


class Clock:
    """Shares the time of a device out among consecutive pieces of work: each lap belongs to the label it is given.

    On a GPU the pieces are told apart by events in its stream, so that nothing waits before `seconds` is called.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._seconds: dict[object, float] = defaultdict(float)
        self._events: list[tuple[object, torch.cuda.Event]] = []
        self._since = 0.0

    def start(self) -> None:
        """What is done from now on counts."""
        self.lap(None)

    def lap(self, label: object) -> None:
        """What was done since the last lap, or the start, was for `label`; for nobody if that is None."""
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self.device))
            self._events.append((label, event))
            return
        if self.device.type == "mps":
            torch.mps.synchronize()
        now = time.perf_counter()
        self._seconds[label] += now - self._since
        self._since = now

    def seconds(self) -> Mapping[object, float]:
        """All seconds so far, by label; waits for the device. Called now and then, it keeps the events few."""
        if self._events:
            torch.cuda.synchronize(self.device)
            for (_, before), (label, after) in zip(self._events, self._events[1:], strict=False):
                self._seconds[label] += before.elapsed_time(after) / 1000
            self._events.clear()
        return {label: seconds for label, seconds in self._seconds.items() if label is not None}


def taps(backbone: Backbone, target: int | None) -> list[Tap]:
    """The taps that a pooling target reads: all of them, or the pooled embedding alone when it is None.

    Raises UserError for a target where no layer but the last can be read, or that asks for no numbers.
    """
    if target is not None and target < 1:
        raise UserError(f"a pooling target of {target} leaves nothing of a layer; choose 1 or more")
    found = all_taps(backbone)
    if target is not None and {tap.name for tap in found} <= {EMBEDDING, LOGITS}:
        kind = type(backbone.module).__name__
        raise UserError(f"{kind} has no layer that Head2Toe can tap; choose a CNN or ViT of timm")
    return [tap for tap in found if target is not None or tap.name == EMBEDDING]


def all_taps(backbone: Backbone) -> list[Tap]:
    """Every tap of a backbone, found once."""
    if "taps" not in backbone.features:
        backbone.features["taps"] = find_taps(backbone.module, backbone.image_size)
    found: list[Tap] = backbone.features["taps"]
    return found


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
    layouts = {tap.name: tap.layout for tap in all_taps(backbone)}

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
