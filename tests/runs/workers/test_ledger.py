"""Leases: whatever is planned, spent and lost, all workers together stay within the budget."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.costs.budget import UNLIMITED, Amount, Budget
from bench.runs.workers.ledger import Ledger

STEP = 1.0  # seconds of one step of training, which no worker stops within


@settings(deadline=None, max_examples=200)
@given(
    limit=st.floats(1, 500), spent=st.floats(0, 100), workers=st.integers(1, 8),
    costs=st.lists(st.tuples(st.floats(0.1, 40), st.floats(0.1, 8)), min_size=1, max_size=30), chance=st.randoms(),
)  # fmt: skip
def test_the_budget_is_kept_but_for_a_step_a_worker(
    limit: float, spent: float, workers: int, costs: list[tuple[float, float]], chance: object
) -> None:
    """Units are expected to cost something and cost so many times as much; each is worked off step by step."""
    budget = Budget(Amount(limit, math.inf), Amount(spent))
    ledger, todo = Ledger(budget), list(costs)
    busy: list[tuple[object, float]] = []
    while todo or busy:
        while todo and len(busy) < workers:
            expected, factor = todo.pop()
            if Amount(expected).fits(ledger.free()):
                busy.append((ledger.open(Amount(expected)), expected * factor))
        if not busy:
            continue
        lease, left = busy.pop(chance.randrange(len(busy)))  # type: ignore[attr-defined]
        ledger.grow(lease)  # type: ignore[arg-type]
        step = min(STEP, left)
        stops = lease.used.seconds >= lease.limit.seconds  # type: ignore[attr-defined]  as Budget.check does
        if stops or left <= step or chance.random() < 0.05:  # type: ignore[attr-defined]  it ends, is stopped or killed
            last = Amount() if stops else Amount(step)
            ledger.charge(lease, lease.pending + last)  # type: ignore[arg-type, attr-defined]
            ledger.close(lease)  # type: ignore[arg-type]
        else:
            lease.pending += Amount(step)  # type: ignore[attr-defined]
            busy.append((lease, left - step))
        assert ledger.free().seconds >= 0
    assert budget.spent.seconds <= max(limit, spent) + workers * STEP


def test_without_a_limit_a_lease_has_none() -> None:
    ledger = Ledger(Budget(UNLIMITED))
    lease = ledger.open(Amount(3.0, 5.0))
    ledger.charge(lease, Amount(100.0, 1e9))
    assert lease.limit == UNLIMITED and ledger.free() == UNLIMITED and not ledger.grow(lease)


def test_a_lease_grows_by_what_is_free_and_no_more() -> None:
    ledger = Ledger(Budget(Amount(100.0, math.inf)))
    first, second = ledger.open(Amount(30.0)), ledger.open(Amount(50.0))
    first.pending = Amount(10.0)
    assert not ledger.grow(first)
    first.pending = Amount(16.0)
    assert ledger.grow(first) and first.limit.seconds == pytest.approx(50.0)
    first.pending = Amount(40.0)
    assert not ledger.grow(first)
    ledger.charge(second, Amount(5.0))
    ledger.close(second)
    assert ledger.grow(first) and first.limit.seconds == pytest.approx(95.0)
