"""A result as a run, in plain Python types."""

from __future__ import annotations

import time

from bench.records.cells import Cost, Environment
from bench.tracking.record import interval, metrics, params, tags
from tests.synthetic import result


def test_records_without_a_start_and_with_odd_values() -> None:
    environment = Environment(versions={"torch": "2"})
    bare = result(started="", environment=environment, params={"a(b)": [1, 2], "text": "x"}, cost=Cost())
    start, end = interval(bare)
    assert start == end and abs(start / 1000 - time.time()) < 60
    assert {"a_b_": "[1, 2]", "text": "x"}.items() <= params(bare).items()
    assert tags(bare)["head2head.versions"] == '{"torch": "2"}'
    assert metrics(bare) == {"accuracy/test": 0.8, "accuracy/val": 0.81, "spent_seconds": 0.0, "spent_flops": 0}
    assert tags(result(stage="trial"))["mlflow.runName"].endswith("seed 0 · trial")
