"""What the budget is charged for a piece of work, and how that is shared out among cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

    def split(self, weights: Sequence[float]) -> list[Charge]:
        """Parts as large as their weights, even ones where all are 0; the last one takes what rounding leaves."""
        total = math.fsum(weights)
        shares = [weight / total if total else 1 / len(weights) for weight in weights]
        parts: list[Charge] = []
        rest = self.amount
        for share in shares:
            seconds = math.floor(1e4 * self.amount.seconds * share) / 1e4  # as records hold them
            amount = Amount(seconds, int(self.amount.flops * share)) if len(parts) < len(shares) - 1 else rest
            rest -= amount
            parts.append(Charge(amount, None if self.joules is None else self.joules * share, self.utilisation))
        return parts
