"""The trade-off: what its axes count, and whose names it shows."""

from __future__ import annotations

from dataclasses import replace

from bench.records.cells import Cost, TuningFacts
from bench.report.plots.tradeoff import COSTS, points_of
from tests.report.handmade import grid_of
from tests.synthetic import result


def test_what_was_tuned_pays_for_it() -> None:
    probe = result("linear_probe", cost=Cost(train_flops=100, train_seconds=1.0))
    whole = result("lora", cost=Cost(train_flops=100, tune_flops=400, train_seconds=1.0, tune_seconds=4.0))
    fixed, chosen = grid_of([probe, whole]), grid_of([probe, replace(whole, tuning=TuningFacts("s", sampler="grid"))])
    for cost, unit in ((COSTS[0], 100), (COSTS[2], 1)):
        assert [mark.cost for mark in points_of(fixed, cost.of(fixed))] == [unit, unit]
        assert [mark.cost for mark in points_of(chosen, cost.of(chosen))] == [unit, 5 * unit]
        assert "and tuning" in cost.of(chosen).title and "tuning" not in cost.of(fixed).title
    assert COSTS[1].of(chosen) is COSTS[1]
