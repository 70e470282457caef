"""The scales of accuracy: what is drawn to scale, and what is in view."""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.report.numbers.evidence import task_interval
from bench.report.plots.scales import Mark, heights, scale_from, sink
from bench.report.plots.style import looks
from bench.report.plots.tasks import by_task
from bench.report.plots.tradeoff import named
from tests.report.handmade import grid_of
from tests.synthetic import comparison, counted


def test_a_wide_interval_does_not_hide_the_methods() -> None:
    low, high = heights([Mark("a", 1, 70, (0, 100)), Mark("b", 1, 80, (79, 81))])
    assert 60 < low < 70 and 80 < high < 90


def test_a_method_far_below_all_others_does_not_flatten_them() -> None:
    assert scale_from([30.7, 87.0, 91.4, 93.2]) == 87.0
    assert scale_from([84.2, 92.1, 92.8, 93.2]) == 84.2  # near enough to be seen to scale
    assert scale_from([30.0, 60.0, 95.0, 96.0]) == 30.0  # those above are as far apart
    assert scale_from([30.0, 90.0, 95.0]) == 30.0  # too few
    axes = Figure().add_subplot()
    marks = [
        Mark("scratch", 1, 30.7, (29, 32)),
        *(Mark(m, 1, at) for m, at in zip("abc", (87, 91.4, 93.2), strict=True)),
    ]
    below, *others = sink(axes, marks)
    low, high = axes.get_ylim()
    assert others == marks[1:] and 80 < low < below.accuracy < min(axes.get_yticks()) and high < 97
    assert below.sunk == 30.7 and below.interval is None and named(below) == "scratch: 30.7 %"
    assert sink(axes, others) == others and axes.get_ylim()[0] > 80


def test_intervals_are_in_view_on_the_plot_of_tasks() -> None:
    results = counted(comparison(4, 3), 500)
    grid = grid_of(results)
    figure = by_task(grid, looks(grid.methods))
    low, high = figure.axes[0].get_xlim()
    ends = [end for m, t in grid.cells if (found := task_interval(grid, m, t)) for end in (found.low, found.high)]
    assert len(ends) == 24 and low < 100 * min(ends) and 100 * max(ends) < high
