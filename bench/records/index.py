"""The records of a results folder as they were read: in order, by key and by study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from bench.costs.budget import Amount
from bench.records.cells import CellResult


class Index:
    """Records in the order of the store. Every reader of a run sees the same index."""

    def __init__(self, results: Iterable[CellResult] = ()) -> None:
        self._results: list[CellResult] = []
        self._latest: dict[str, CellResult] = {}
        self._trials: dict[str, dict[int, CellResult]] = {}
        for result in results:
            self.add(result)

    def add(self, result: CellResult) -> None:
        """Takes in the next record."""
        self._results.append(result)
        known = self._latest.get(result.key)
        if result.status == "done" or known is None or known.status != "done":
            self._latest[result.key] = result
        if result.stage == "trial" and result.trial is not None:
            self._trials.setdefault(result.trial.study, {})[result.trial.number] = result

    @property
    def results(self) -> Sequence[CellResult]:
        """All records, oldest first."""
        return self._results

    @property
    def latest(self) -> Mapping[str, CellResult]:
        """The record that counts for each key: the newest, but a done one is never displaced by one that is not."""
        return self._latest

    def trials(self, study: str) -> Mapping[int, CellResult]:
        """The newest record of each trial of a study, by number."""
        return self._trials.get(study, {})

    def spent(self) -> Amount:
        """What all records charge to the budget, failed and repeated ones included."""
        costs = [result.cost for result in self._results]
        return Amount(math.fsum(cost.spent_seconds for cost in costs), sum(cost.spent_flops for cost in costs))
