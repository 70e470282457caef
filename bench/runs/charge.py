"""Charges: what the budget paid for a piece of work, and how a cell's cost takes it in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.costs.budget import Amount
from bench.records.cells import Cost


@dataclass(frozen=True)
class Charge:
    """What the budget is charged for a piece of work: device time and FLOPs; on a GPU also joules and utilisation."""

    amount: Amount
    joules: float | None = None
    utilisation: float | None = None

    def on(self, cost: Cost) -> Cost:
        """The cost with this charge added to it."""
        return replace(
            cost,
            spent_seconds=round(cost.spent_seconds + self.amount.seconds, 4),
            spent_flops=int(cost.spent_flops + self.amount.flops),
            energy_joules=self.joules if cost.energy_joules is None else cost.energy_joules + (self.joules or 0.0),
            utilisation=self.utilisation if cost.utilisation is None else cost.utilisation,
        )

    def split(self, count: int) -> list[Charge]:
        """`count` even parts that add up to the whole; the last one takes what rounding leaves."""
        seconds, flops = round(self.amount.seconds / count, 4), int(self.amount.flops / count)
        joules = None if self.joules is None else self.joules / count
        rest = Amount(self.amount.seconds - seconds * (count - 1), self.amount.flops - flops * (count - 1))
        amounts = [Amount(seconds, flops)] * (count - 1) + [rest]
        return [Charge(amount, joules, self.utilisation) for amount in amounts]
