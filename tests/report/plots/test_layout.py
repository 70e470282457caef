"""Subtitles that fit, and markers that stay visible."""

from __future__ import annotations

from dataclasses import replace

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.report.plots.layout import reveal
from bench.report.plots.style import RC, looks
from bench.report.plots.tasks import by_task
from tests.report.handmade import grid_of
from tests.synthetic import comparison, counted


def test_a_subtitle_is_folded_where_long_names_leave_little_room() -> None:
    found = [replace(one, task=one.task.replace("task", "t" * 30)) for one in comparison(2, 3)]
    grid = grid_of(counted([replace(one, seed=seed) for one in found for seed in (0, 1)], 1000))
    with rc_context(RC):
        figure = by_task(grid, looks(grid.methods))
        FigureCanvasAgg(figure).draw()
    (told,) = (text for text in figure.findobj(Text) if "bars: 95" in text.get_text())
    assert told.get_window_extent().x1 <= figure.bbox.x1
    assert " ".join(told.get_text().split("\n")).endswith("over test images and seeds")


def test_a_covered_marker_is_larger_than_the_one_above_it() -> None:
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot(xlim=(0, 100), ylim=(0, 100))
    for x, y in ((50, 50), (50.1, 50), (80, 20)):
        axes.plot(x, y, marker="o", markersize=6)
    reveal(figure)
    assert [line.get_markersize() for line in axes.lines] == [9.0, 6.0, 6.0]
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[50, 50]], [[50.1, 50]], [[80, 20]]]
