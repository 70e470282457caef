"""Statistics of a comparison: spread over seeds, intervals, ranks and paired tests over tasks.

What goes in are plain numbers by method and task; nothing here knows of cells, stores or reports. Accuracies are
fractions in 0..1. What the intervals and tests cover, and what they do not, is told in docs/statistics.md.
"""

from __future__ import annotations

from bench.statistics.intervals import Interval, Sample, Spread, difference, interval, spread, weights
from bench.statistics.ranks import ALPHA, PRINTED, Comparison, Friedman, Pair, compare

__all__ = [
    "ALPHA", "PRINTED", "Comparison", "Friedman", "Interval", "Pair", "Sample", "Spread", "compare", "difference",
    "interval", "spread", "weights",
]  # fmt: skip
