"""What each worker may spend: leases on the budget, so that all of them together stay within it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.costs.budget import Amount, Budget, largest, smallest


@dataclass
class Lease:
    """What a unit may spend, and what it has spent of that so far."""

    limit: Amount
    spent: Amount = field(default_factory=Amount)  # in records
    pending: Amount = field(default_factory=Amount)  # as its worker last said

    @property
    def used(self) -> Amount:
        """What is spent and what is pending."""
        return self.spent + self.pending


@dataclass
class Ledger:
    """The budget, and the leases that are open on it. Where the budget has no limit, a lease has none either."""

    budget: Budget
    leases: list[Lease] = field(default_factory=list)

    def free(self) -> Amount:
        """What is left of the budget beside all open leases; at least 0."""
        left = self.budget.remaining()
        return largest(each(self._free, left, Amount(*map(sum, zip((0, 0), *self._open(), strict=True)))), Amount())

    def _open(self) -> list[tuple[float, float]]:
        rest = [each(self._free, lease.limit, lease.spent) for lease in self.leases]
        return [(finite(one.seconds), finite(one.flops)) for one in rest]

    @staticmethod
    def _free(left: float, taken: float) -> float:
        return left if math.isinf(left) else max(0.0, left - taken)

    def open(self, wanted: Amount) -> Lease:
        """A lease on an amount that the caller has seen to be free."""
        limit = self.budget.limit
        lease = Lease(
            Amount(
                math.inf if math.isinf(limit.seconds) else wanted.seconds,
                math.inf if math.isinf(limit.flops) else wanted.flops,
            )
        )
        self.leases.append(lease)
        return lease

    def charge(self, lease: Lease, amount: Amount) -> None:
        """Books what a record says, or takes back what a later record says again."""
        self.budget.spent += amount
        lease.spent += amount

    def grow(self, lease: Lease) -> bool:
        """Lets a lease that is half used grow by as much as it had, if that is free; whether it grew.

        Estimates may be wrong by a factor. What one unit does not need is for those that need more.
        """
        if (lease.used * 2).fits(lease.limit):
            return False
        more = smallest(self.free(), Amount(finite(lease.limit.seconds), finite(lease.limit.flops)))
        lease.limit += more
        return more.seconds > 0 or more.flops > 0

    def close(self, lease: Lease) -> None:
        """What a unit has not spent is free again."""
        self.leases.remove(lease)


def each(rule: Callable[[float, float], float], one: Amount, other: Amount) -> Amount:
    """A rule for seconds and for FLOPs."""
    return Amount(rule(one.seconds, other.seconds), rule(one.flops, other.flops))


def finite(value: float) -> float:
    """The value; 0 where there is no limit."""
    return 0.0 if math.isinf(value) else value
