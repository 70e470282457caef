"""The budget: limits in device-seconds and in FLOPs over all the work that goes into one results folder."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.spec import BudgetSpent, UserError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PREFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
BYTES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Amount:
    """Device-seconds and FLOPs: of work done, of work expected, or as a limit, where infinite means none."""

    seconds: float = 0.0
    flops: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.seconds + other.seconds, self.flops + other.flops)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.seconds - other.seconds, self.flops - other.flops)

    def __mul__(self, factor: float) -> Amount:
        return Amount(self.seconds * factor, self.flops * factor)

    def fits(self, room: Amount) -> bool:
        """Whether this much can be done within `room`."""
        return self.seconds <= room.seconds and self.flops <= room.flops

    def __str__(self) -> str:
        parts = [f"{self.seconds:.4g} s"] if math.isfinite(self.seconds) else []
        return " and ".join(parts + ([f"{self.flops:.3g} FLOP"] if math.isfinite(self.flops) else []))


def largest(first: Amount, second: Amount) -> Amount:
    """The greater of both, in either currency."""
    return Amount(max(first.seconds, second.seconds), max(first.flops, second.flops))


def smallest(first: Amount, second: Amount) -> Amount:
    """The lesser of both, in either currency."""
    return Amount(min(first.seconds, second.seconds), min(first.flops, second.flops))


UNLIMITED = Amount(math.inf, math.inf)


def parse_limits(texts: Iterable[str]) -> Amount:
    """Limits out of `90s`, `30m`, `2h`, `1.5h`, `5PFLOP`; of several of one kind the least. Raises UserError."""
    limit = UNLIMITED
    for text in (part for given in texts for part in given.split(",")):
        limit = smallest(limit, _limit(text.strip()))
    return limit


def _limit(text: str) -> Amount:
    duration = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text)
    work = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)FLOPs?", text, re.IGNORECASE)
    if duration and float(duration[1]) > 0:
        return Amount(float(duration[1]) * UNITS[duration[2] or "s"], math.inf)
    if work and float(work[1]) > 0:
        return Amount(math.inf, float(work[1]) * PREFIXES[work[2].upper()])
    raise UserError(f"a budget of {text!r} is no positive amount; write 90s, 30m or 2h of device time, or 5PFLOP")


def parse_bytes(text: str, what: str) -> int:
    """Bytes in `500kB`, `1MB` or `16GB`; raises UserError unless it is positive."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    number = int(float(match[1]) * BYTES[match[2].upper()]) if match else 0
    if number <= 0:
        raise UserError(f"{what} of {text!r} is no positive size; write 500kB, 1MB or 16GB")
    return number


@dataclass
class Budget:
    """What is allowed and what was spent; what was spent before comes from the store, so it survives kills.

    From `start` on a clock runs against it, and meters add their FLOPs; `lap` charges what has run since to whatever
    was done with it. `watch` is told every second, and after each lap, what runs uncharged.
    """

    limit: Amount = UNLIMITED
    spent: Amount = field(default_factory=Amount)
    clock: Callable[[], float] = time.monotonic
    watch: Callable[[Amount], None] | None = None
    _since: float | None = None
    _flops: int = 0
    _ceilings: list[Amount] = field(default_factory=list)  # totals at which a part of the work must stop
    _told: float = 0.0

    def start(self) -> None:
        """Work begins."""
        self._since = self._told = self.clock()

    def add_flops(self, flops: int) -> None:
        """FLOPs that were really done, whoever they are attributed to."""
        self._flops += flops

    @property
    def pending(self) -> Amount:
        """What has run since `start` or the last lap."""
        return Amount(self.clock() - self._since if self._since is not None else 0.0, self._flops)

    def lap(self) -> Amount:
        """What was pending, now charged; seconds in ten-thousandths, so that records add up to what was charged."""
        seconds = round(self.pending.seconds, 4)
        charged = Amount(seconds, self._flops)
        if self._since is not None:
            self._since += seconds
        self._flops = 0
        self.spent += charged
        return charged

    @property
    def total(self) -> Amount:
        """Spent and pending together."""
        return self.spent + self.pending

    def remaining(self) -> Amount:
        """What is left of the budget, infinite where there is no limit; at least 0."""
        return largest(self.limit - self.total, Amount())

    def room(self) -> Amount:
        """What is left for the work at hand: of its share, if it has one, and of the budget."""
        left = self.remaining()
        return smallest(left, self._ceilings[-1] - self.total) if self._ceilings else left

    def is_spent(self) -> bool:
        """Whether nothing is left in one of its currencies."""
        left = self.remaining()
        return left.seconds <= 0 or left.flops <= 0

    def check(self) -> None:
        """Raises BudgetSpent when nothing is left of the budget, or of the share that the work at hand has."""
        self.tell()
        if self.is_spent():
            raise BudgetSpent(f"the budget of {self.limit} ran out in the middle; raise --budget and run again")
        if self._ceilings and not self.total.fits(self._ceilings[-1]):
            raise BudgetSpent("its share of the budget ran out in the middle; raise --budget and run again")

    def tell(self) -> None:
        """Lets `watch` know what is pending, at most once a second."""
        now = self.clock()
        if self.watch is not None and now - self._told >= 1.0:
            self._told = now
            self.watch(self.pending)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What runs within it is charged to nobody."""
        began = self.clock()
        try:
            yield
        finally:
            if self._since is not None:
                self._since += self.clock() - began

    @contextmanager
    def share(self, amount: Amount) -> Iterator[None]:
        """Within it, work stops once it has spent `amount`."""
        self._ceilings.append(self.total + amount)
        try:
            yield
        finally:
            self._ceilings.pop()
