"""A clock that divides the time of a device among consecutive pieces of work."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping

import torch

FORWARD = "forward"  # the label of the network's own forward pass


class Clock:
    """Divides the time of a device among consecutive pieces of work.

    `lap` ends a piece and books its seconds under a label. On a GPU, CUDA events in the stream mark the ends of the
    pieces, so nothing waits for the device until `seconds` is called. On an Apple GPU every lap waits for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._seconds: dict[object, float] = defaultdict(float)
        self._events: list[tuple[object, torch.cuda.Event]] = []
        self._since = 0.0

    def start(self) -> None:
        """Starts the first piece of work; the time before it is not booked."""
        self.lap(None)

    def lap(self, label: object) -> None:
        """Books the time since the last lap, or since the start, under `label`; under nothing if that is None."""
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
        """The seconds booked so far, by label.

        It waits for the device. Calling it now and then keeps the number of CUDA events small.
        """
        if self._events:
            torch.cuda.synchronize(self.device)
            for (_, before), (label, after) in zip(self._events, self._events[1:], strict=False):
                self._seconds[label] += before.elapsed_time(after) / 1000
            self._events.clear()
        return {label: seconds for label, seconds in self._seconds.items() if label is not None}
