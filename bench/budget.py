"""The budget: a limit in device-seconds over all the cells of a results folder."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from bench.spec import BudgetSpent, UserError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_seconds(text: str) -> float:
    """Seconds in a duration such as `90s`, `30m`, `2h` or `1.5h`; raises UserError unless it is positive."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0.0
    if seconds <= 0:
        raise UserError(f"a budget of {text!r} is no positive duration; write 90s, 30m or 2h")
    return seconds


@dataclass
class Budget:
    """Seconds allowed and spent; what was spent before comes from the store, so it survives kills.

    From `start` on a clock runs against it; `lap` charges what has run since to whatever was done with it.
    """

    limit: float | None  # seconds, None without end
    spent: float = 0.0
    _since: float | None = None

    def start(self) -> None:
        """Work begins."""
        self._since = time.monotonic()

    def lap(self) -> float:
        """Seconds since `start` or the last lap, now charged."""
        now = time.monotonic()
        seconds = now - self._since if self._since is not None else 0.0
        self._since = now
        self.spent += seconds
        return seconds

    def remaining(self) -> float:
        """Seconds left, infinite without a limit."""
        if self.limit is None:
            return float("inf")
        running = time.monotonic() - self._since if self._since is not None else 0.0
        return self.limit - self.spent - running

    def check(self) -> None:
        """Raises BudgetSpent when nothing is left."""
        if self.remaining() <= 0:
            raise BudgetSpent(f"the budget of {self.limit:g} s ran out in the middle; raise --budget and run again")
