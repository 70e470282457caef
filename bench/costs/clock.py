"""Shares the time of a device out among consecutive pieces of work."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping

import torch

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
