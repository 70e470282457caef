"""The budget: durations as people write them, and a clock that charges what ran."""

from __future__ import annotations

import time

import pytest

from bench.budget import Budget, parse_seconds
from bench.spec import BudgetSpent, UserError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("45", 45)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0", "0m", "-3m", "soon", "", "3d", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write 90s, 30m or 2h"):
        parse_seconds(text)


def test_laps_add_up_to_what_ran() -> None:
    budget = Budget(limit=None, spent=10.0)
    began = time.monotonic()
    budget.start()
    laps = [(time.sleep(0.02), budget.lap())[1] for _ in range(3)]
    assert sum(laps) == pytest.approx(time.monotonic() - began, abs=0.01)
    assert budget.spent == pytest.approx(10 + sum(laps))
    assert budget.remaining() == float("inf")
    budget.check()


def test_a_running_clock_counts_against_the_limit() -> None:
    budget = Budget(limit=0.05)
    budget.start()
    budget.check()
    time.sleep(0.06)
    with pytest.raises(BudgetSpent, match="raise --budget"):
        budget.check()
