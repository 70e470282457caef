"""Statistics of a comparison: spread over seeds, intervals, ranks, and paired tests over tasks.

Functions take plain numbers by method and task. Nothing here knows of cells, stores or reports. Accuracies are
fractions in 0..1. docs/statistics.md says what the intervals and tests cover, and what they do not.
"""

from __future__ import annotations

from bench.statistics.intervals import Interval, difference, interval, weights
from bench.statistics.pairs import PRINTED, Pair
from bench.statistics.ranks import ALPHA, Comparison, Friedman, compare
from bench.statistics.samples import Sample, Spread, spread

__all__ = [
    "ALPHA", "PRINTED", "Comparison", "Friedman", "Interval", "Pair", "Sample", "Spread", "compare", "difference",
    "interval", "spread", "weights",
]  # fmt: skip
