"""Published examples that several tests of the statistics use."""

from __future__ import annotations

import numpy as np

# Demšar 2006 (JMLR 7), tables 2 and 6: AUC on 14 data sets of C4.5, with tuned m, with tuned cf, and with both. The
# last entry of `voting` is printed as 0.975 but ranked third.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.975, 0.9749], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip


def scores(values: np.ndarray) -> dict[str, dict[str, float]]:
    """{method: {task: accuracy}} of (tasks, methods). The methods are named a, b, …, the tasks t0, t1, …."""
    return {
        name: {f"t{at}": float(value) for at, value in enumerate(column)}
        for name, column in zip("abcdefghijkl", values.T, strict=False)
    }
