"""Equal-budget curves and the expected best of n trials, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from bench.records.cells import TrialFacts
from bench.report.numbers.searches import of_grid
from bench.report.plots.budgets import curves, mean_best, sink_curves
from tests.report.handmade import grid_of, study, trial
from tests.synthetic import tuned


def test_curves_are_over_the_tasks_on_which_all_were_tuned() -> None:
    both = [study("x", trial(0, 0.5)), study("x", trial(0, 0.7), method="b")]
    unfinished = [study("y", trial(0, 0.9)), study("y", trial(0, None), method="b")]
    shown, tasks = curves([*both, *unfinished, study("x", trial(0, None), method="c")], "seconds")
    assert tasks == ["x"]
    assert shown == {"a": [(1.0, 0.5)], "b": [(1.0, 0.7)]}


def test_the_study_of_the_final_cell_counts() -> None:
    results = tuned(1, 1, trials=3)
    later = replace(results[0], key="later", trial=TrialFacts("later", 0, default=True))
    grid = grid_of(results)
    assert [one.name for one in of_grid(grid, [*results, later])] == ["linear_probe/demo/structured/task_0"]
    assert of_grid(grid, [replace(one, backbone="other") for one in results]) == []
    interrupted = [replace(one, method="lora") for one in results if one.stage == "trial"]
    assert interrupted, "trials of a method without a final cell"
    assert [one.method for one in of_grid(grid, [*results, *interrupted])] == ["linear_probe"]


def test_the_band_of_a_mean_is_that_of_independent_studies() -> None:
    """The best of one of 0 and 1 has mean 1/2 and variance 1/4; the mean of two such a variance of 1/8."""
    mean, deviation = mean_best([[0.0, 1.0], [0.0, 1.0]], 1)
    assert (mean, deviation) == (0.5, pytest.approx((1 / 8) ** 0.5))


def test_a_curve_far_below_all_others_ends_where_it_is_written() -> None:
    axes = Figure().add_subplot()
    ends = {"a": [85.0, 90.0], "b": [88.0], "c": [91.0], "scratch": [10.0, 26.5]}
    (below,) = sink_curves(axes, ends).values()
    assert axes.get_ylim()[0] < below < min(axes.get_yticks()) and max(axes.get_yticks()) <= 92
    assert [text.get_text() for text in axes.texts] == ["ends at: scratch 26.5 %"]
    assert sink_curves(axes, {name: ends[name] for name in "abc"}) == {}
