"""The plot of domain affinity: its tasks are named where there is room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.report.plots.affinity import by_affinity
from bench.report.plots.style import MARKERS, RC, looks
from tests.report.handmade import grid_of
from tests.synthetic import comparison


@pytest.mark.parametrize("methods", [3, 5, 12])
@pytest.mark.parametrize("apart", [0.0, 0.02, 0.5])
def test_a_task_of_the_affinity_plot_is_named_where_there_is_room(methods: int, apart: float) -> None:
    """Beside its own highest point, on no marker and no other name, even where all tasks are at one place."""
    dice = np.random.default_rng(0)
    results = []
    for one in comparison(["linear_probe", "scratch", *"abcdefghij"[: methods - 2]], 19, suite="vtab1k"):
        hard = apart * int(one.task.rsplit("_", 1)[1]) / 19
        level = {"linear_probe": 0.7, "scratch": 0.6 - hard}.get(one.method, float(dice.uniform(0.7, 0.75)))
        results.append(replace(one, accuracy={"test": level}))
    grid = grid_of(results)
    with rc_context(RC):
        figure = by_affinity(grid, looks(grid.methods))
        FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    names = [(text.get_text(), text.get_window_extent().padded(-0.5)) for text in axes.texts]
    assert 0 < len(names) <= 19
    drawn_at = [line.get_xydata() for line in axes.lines if line.get_marker() in MARKERS]
    marks = axes.transData.transform(np.vstack(drawn_at))
    assert len(marks) == 19 * (methods - 2) + 19  # those of the paper
    for at, (_, box) in enumerate(names):
        assert not any(box.overlaps(other) for _, other in names[:at])
        assert not any(box.contains(x, y) for x, y in marks)
