"""The budget: a limit in seconds of the device, in FLOPs or in both, on all work that goes into one results folder."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.spec import UserError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PREFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
BYTES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Amount:
    """Seconds of the device and FLOPs that work took, is expected to take, or may take. Infinite means no limit."""

    seconds: float = 0.0
    flops: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.seconds + other.seconds, self.flops + other.flops)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.seconds - other.seconds, self.flops - other.flops)

    def __mul__(self, factor: float) -> Amount:
        return Amount(self.seconds * factor, self.flops * factor)

    def fits(self, room: Amount) -> bool:
        """Whether both the seconds and the FLOPs are within `room`."""
        return self.seconds <= room.seconds and self.flops <= room.flops

    def __str__(self) -> str:
        parts = [f"{self.seconds:.4g} s"] if math.isfinite(self.seconds) else []
        return " and ".join(parts + ([f"{self.flops:.3g} FLOP"] if math.isfinite(self.flops) else []))


def largest(first: Amount, second: Amount) -> Amount:
    """The larger seconds and the larger FLOPs of the two."""
    return Amount(max(first.seconds, second.seconds), max(first.flops, second.flops))


def smallest(first: Amount, second: Amount) -> Amount:
    """The smaller seconds and the smaller FLOPs of the two."""
    return Amount(min(first.seconds, second.seconds), min(first.flops, second.flops))


UNLIMITED = Amount(math.inf, math.inf)


def parse_limits(texts: Iterable[str]) -> Amount:
    """The limit that texts such as `90s`, `30m`, `1.5h` or `5PFLOP` state; commas separate several in one text.

    The smallest of each kind counts. Raises UserError for a text that is no positive amount.
    """
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
    """The bytes that a text such as `500kB`, `1MB` or `16GB` states, with 1 kB = 1,000 bytes.

    Raises UserError, which names `what`, for a text that is no positive size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    number = int(float(match[1]) * BYTES[match[2].upper()]) if match else 0
    if number <= 0:
        raise UserError(f"{what} of {text!r} is no positive size; write 500kB, 1MB or 16GB")
    return number


class BudgetSpent(UserError):
    """The budget ran out while a cell was at work."""


@dataclass
class Budget:
    """The limit, and what was spent of it.

    A clock runs from `start` on, and meters add their FLOPs. Both are pending until `lap` charges them to the work that
    was just done. What earlier runs spent comes from the store, so it survives a kill.
    """

    limit: Amount = UNLIMITED
    spent: Amount = field(default_factory=Amount)  # charged so far, earlier runs included
    clock: Callable[[], float] = time.monotonic  # seconds
    watch: Callable[[Amount], None] | None = None  # called with the pending amount, at most once a second
    told: Amount | None = None  # the limit that messages name, where this one is a part of it
    _since: float | None = None  # when the pending seconds began
    _flops: int = 0  # pending
    _ceilings: list[Amount] = field(default_factory=list)  # totals at which a part of the work must stop
    _watched: float = 0.0  # when `watch` was last called

    def start(self) -> None:
        """Starts the clock."""
        self._since = self._watched = self.clock()

    def add_flops(self, flops: int) -> None:
        """Adds FLOPs that the device really did, whichever method they are attributed to."""
        self._flops += flops

    @property
    def pending(self) -> Amount:
        """The seconds and FLOPs since `start` or the last lap."""
        return Amount(self.clock() - self._since if self._since is not None else 0.0, self._flops)

    def lap(self) -> Amount:
        """Charges the pending amount and returns it.

        Seconds are rounded to four decimals, as records hold them, so that the records add up to what was charged.
        """
        seconds = round(self.pending.seconds, 4)
        charged = Amount(seconds, self._flops)
        if self._since is not None:
            self._since += seconds
        self._flops = 0
        self.spent += charged
        return charged

    @property
    def total(self) -> Amount:
        """The spent and the pending amount together."""
        return self.spent + self.pending

    def remaining(self) -> Amount:
        """What is left of the budget: at least 0, and infinite where there is no limit."""
        return largest(self.limit - self.total, Amount())

    def room(self) -> Amount:
        """What is left for the current work: the rest of the budget or of the work's share, whichever is smaller."""
        left = self.remaining()
        return smallest(left, self._ceilings[-1] - self.total) if self._ceilings else left

    def is_spent(self) -> bool:
        """Whether no seconds or no FLOPs are left."""
        left = self.remaining()
        return left.seconds <= 0 or left.flops <= 0

    def check(self) -> None:
        """Raises BudgetSpent when the budget, or the share of the current work, has run out."""
        self._call_watch()
        if self.is_spent():
            raise BudgetSpent(
                f"the budget of {self.told or self.limit} ran out in the middle; raise --budget and run again"
            )
        if self._ceilings and not self.total.fits(self._ceilings[-1]):
            raise BudgetSpent("its share of the budget ran out in the middle; raise --budget and run again")

    def _call_watch(self) -> None:
        """Calls `watch`, unless it was called within the last second."""
        now = self.clock()
        if self.watch is not None and now - self._watched >= 1.0:
            self._watched = now
            self.watch(self.pending)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A context that stops the clock: its seconds are charged to nobody."""
        began = self.clock()
        try:
            yield
        finally:
            if self._since is not None:
                self._since += self.clock() - began

    @contextmanager
    def share(self, amount: Amount) -> Iterator[None]:
        """A context in which `check` raises BudgetSpent once the work has spent `amount`."""
        self._ceilings.append(self.total + amount)
        try:
            yield
        finally:
            self._ceilings.pop()
