"""The budget: how limits are written, what is charged, and how work gets a share of the rest."""

from __future__ import annotations

import math
import time

import pytest

from bench.costs.budget import UNLIMITED, Amount, Budget, BudgetSpent, parse_bytes, parse_limits
from bench.spec import UserError


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("45", 45), ("1d", 86400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_limits([text]) == Amount(seconds, math.inf)


@pytest.mark.parametrize(("text", "flops"), [("5PFLOP", 5e15), ("1.5 tflops", 1.5e12), ("10FLOP", 10)])
def test_flops(text: str, flops: float) -> None:
    assert parse_limits([text]) == Amount(math.inf, flops)


def test_several_limits_hold_together_and_the_smallest_of_a_kind_counts() -> None:
    assert parse_limits(["2h", "5PFLOP"]) == parse_limits(["2h,5PFLOP,3h"]) == Amount(7200, 5e15)
    assert parse_limits([]) == UNLIMITED


@pytest.mark.parametrize("text", ["0", "0m", "-3m", "soon", "", "3w", "1e3", "0PFLOP", "-1TFLOP", "5P"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write 90s, 30m or 2h of device time, or 5PFLOP"):
        parse_limits([text])


def test_sizes() -> None:
    assert [parse_bytes(text, "a limit") for text in ("500kB", "1MB", "16 GB", "7")] == [500_000, 10**6, 16 * 10**9, 7]
    for text in ("0MB", "-1GB", "much", ""):
        with pytest.raises(UserError, match="is no positive size"):
            parse_bytes(text, "a limit")


def test_laps_add_up_to_what_ran() -> None:
    budget = Budget(spent=Amount(10.0, 5))
    before = time.monotonic()
    budget.start()
    began = time.monotonic()
    laps = []
    for _ in range(3):
        time.sleep(0.02)
        budget.add_flops(7)
        ended = time.monotonic()
        laps.append(budget.lap())
    assert ended - began - 0.001 <= sum(lap.seconds for lap in laps) <= time.monotonic() - before + 0.001
    assert [lap.flops for lap in laps] == [7, 7, 7]
    assert budget.spent.seconds == pytest.approx(10 + sum(lap.seconds for lap in laps))
    assert budget.spent.flops == 26
    assert budget.remaining() == UNLIMITED
    budget.check()


def test_a_running_clock_counts_against_the_limit() -> None:
    clock = Clock()
    budget = Budget(Amount(5, math.inf), clock=clock)
    budget.start()
    budget.check()
    clock.now += 6
    assert budget.remaining().seconds == 0
    with pytest.raises(BudgetSpent, match="raise --budget"):
        budget.check()


def test_flops_count_against_their_limit() -> None:
    budget = Budget(Amount(math.inf, 100), Amount(0, 60))
    budget.start()
    budget.add_flops(30)
    budget.check()
    budget.add_flops(10)
    with pytest.raises(BudgetSpent, match="100 FLOP"):
        budget.check()


def test_a_share_runs_out_before_the_budget_does() -> None:
    clock = Clock()
    budget = Budget(Amount(100, math.inf), clock=clock)
    budget.start()
    with budget.share(Amount(10, math.inf)):
        clock.now += 4
        assert budget.room() == Amount(6, math.inf)
        clock.now += 7
        with pytest.raises(BudgetSpent, match="share"):
            budget.check()
    budget.check()
    assert budget.room() == Amount(89, math.inf)


def test_paused_work_is_charged_to_nobody() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.start()
    clock.now += 2
    with budget.paused():
        clock.now += 50
    assert budget.lap() == Amount(2, 0)


def test_the_pending_amount_is_watched_at_most_once_a_second() -> None:
    clock, seen = Clock(), []
    budget = Budget(clock=clock, watch=seen.append)
    budget.start()
    for _ in range(30):
        clock.now += 0.1
        budget.check()
    assert 2 <= len(seen) <= 3
    assert seen[-1].seconds > seen[0].seconds > 0.9
