"""The plots: what they show, worked out by hand, and how they look with 2, 5 and 12 methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.records.cells import CellResult, TrialFacts
from bench.records.studies import Study, Trial
from bench.report.numbers.evidence import task_interval
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.searches import of_grid
from bench.report.plots.affinity import by_affinity
from bench.report.plots.budgets import curves, mean_best, sink_curves
from bench.report.plots.draw import drawings
from bench.report.plots.groups import by_group
from bench.report.plots.heat import any_difference, differences
from bench.report.plots.layout import reveal
from bench.report.plots.ranks import Scale
from bench.report.plots.scales import Mark, heights, scale_from, sink
from bench.report.plots.style import MARKERS, RC, Look, looks
from bench.report.plots.tasks import by_task
from bench.report.plots.tradeoff import named
from bench.report.plots.trials import PANEL, by_value, draw_panel, main_parameter, number, points
from tests.synthetic import comparison, counted, result, selecting, tuned


def grid_of(results: Sequence[CellResult]) -> Grid:
    (grid,) = grids(results)
    return grid


def study(task: str, *trials: Trial, chosen: int | None = 0, **changes: Any) -> Study:
    shared = {"seconds": 0.0, "flops": 0.0}
    return replace(Study("s", "a", task, 0, "tpe", chosen, False, trials, shared), **changes)


def trial(number: int, val: float | None, **params: Any) -> Trial:
    return Trial(number, number == 0, params, val, val, {"seconds": 1.0, "flops": 1.0})


@cache
def drawn(methods: int) -> tuple[Mapping[str, Look], Mapping[str, Figure]]:
    """All plots of tuned methods on seven tasks of which one has shifted test sets."""
    results = []
    for one in selecting(tuned(methods, 7, trials=6, sampler="random")):
        shifted = one.stage == "final" and one.task.endswith("_0")
        more = {"ood/noisy": 0.8 * one.accuracy["test"], "ood/dark": 0.5} if shifted else {}
        results.append(replace(one, accuracy={**one.accuracy, **more}))
    grid = grid_of(results)
    with rc_context(RC):
        found = dict(drawings(grid, of_grid(grid, results), looks(grid.methods)))
        figures = {name: figure for name, figure in found.items() if figure is not None}
        for figure in figures.values():
            FigureCanvasAgg(figure).draw()
    return looks(grid.methods), figures


@pytest.mark.parametrize(
    "methods", [pytest.param(2, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow), 12]
)
def test_no_labels_overlap_or_leave_the_figure(methods: int) -> None:
    for name, figure in drawn(methods)[1].items():
        hidden = beyond(figure)
        texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        upright = [text for text in texts if text.get_rotation() == 0 and text not in hidden]
        boxes = [text.get_window_extent().padded(-1) for text in upright]
        clashes = [
            (upright[at].get_text(), upright[other].get_text())
            for at in range(len(boxes))
            for other in range(at)
            if boxes[at].overlaps(boxes[other]) and upright[at].get_text() != upright[other].get_text()
        ]
        assert not clashes, f"{name}: {clashes}"
        frame = figure.bbox.padded(1)
        outside = [
            t.get_text() for t, box in zip(upright, boxes, strict=True) if not inside(box.extents, frame.extents)
        ]
        assert not outside, f"{name}: {outside}"


def beyond(figure: Figure) -> set[Text]:
    """Labels of ticks that are not in view, which matplotlib keeps and does not draw."""
    found = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not axes.axison or not low <= tick.get_loc() <= high:
                    found |= {tick.label1, tick.label2}
    return found


def inside(box: np.ndarray, frame: np.ndarray) -> bool:
    return bool((box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all())


def test_a_subtitle_is_folded_where_long_names_leave_little_room() -> None:
    found = [replace(one, task=one.task.replace("task", "t" * 30)) for one in comparison(2, 3)]
    grid = grid_of(counted([replace(one, seed=seed) for one in found for seed in (0, 1)], 1000))
    with rc_context(RC):
        figure = by_task(grid, looks(grid.methods))
        FigureCanvasAgg(figure).draw()
    (told,) = (text for text in figure.findobj(Text) if "bars: 95" in text.get_text())
    assert told.get_window_extent().x1 <= figure.bbox.x1
    assert " ".join(told.get_text().split("\n")).endswith("over test images and seeds")


def test_who_lacks_a_cost_is_named_above_the_panels_of_groups() -> None:
    found = [replace(one, cost=replace(one.cost, train_flops=None)) if one.method == "lora" else one
             for one in comparison(3, 3)]  # fmt: skip
    grid = grid_of(found)
    with rc_context(RC):
        figure = by_group(grid, looks(grid.methods))
    assert figure is not None
    told = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert "without a figure and so not in every panel: lora" in told


def test_a_method_looks_alike_everywhere() -> None:
    look, figures = drawn(12)
    assert len(figures) >= 14
    for name, figure in figures.items():
        lines = [line for axes in figure.axes for line in axes.lines if line.get_label() in look]
        assert all(to_hex(line.get_color()) == look[line.get_label()].colour.lower() for line in lines), name
        assert all(line.get_marker() == look[line.get_label()].marker for line in lines), name


def test_the_heat_map_is_the_difference_to_fine_tuning() -> None:
    accuracy = {("fine_tune", "x"): 0.8, ("fine_tune", "y"): 0.5, ("a", "x"): 0.7, ("a", "y"): 0.65, ("b", "x"): 0.9}
    grid = grid_of([result(m, f"demo/{t}", accuracy={"test": value}) for (m, t), value in accuracy.items()])
    rows, values = differences(grid, ["a", "b"])
    assert [name for name, _ in rows] == ["x", "y"]  # with one common task there is no mean to show
    np.testing.assert_allclose(values, [[-0.1, 0.1], [0.15, np.nan]])
    assert any_difference(grid) and not any_difference(grid_of(comparison(["a", "b"], 2)))


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


def test_trials_are_told_from_their_default() -> None:
    tried = points([study("x", trial(0, 0.5, lr=1), trial(1, None, lr=2), trial(2, 0.6, lr=3), chosen=2)])
    assert [(point.trial.number, point.chosen) for point in tried] == [(0, False), (2, True)]
    assert [point.height for point in tried] == [0, pytest.approx(10)]
    assert main_parameter(tried) == "lr"
    assert main_parameter(points([study("x", trial(0, 0.5, lr=1), trial(1, 0.5, lr=1))])) is None


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ((1, 2, 4), (1, 2, 4)),
        ((0.001, 1, 10), (-3, 0, 1)),  # four decades: a logarithmic axis
        ((None, 0.0, 1.0), (-0.15, 0, 1)),  # no value stands to the left of the least
        (("b", "a", "b"), (0, 1, 0)),
        ((True, False, None), (0, 1, 2)),
        ((3, 3, None), (3, 3, 2.85)),
    ],
)
def test_hyper_parameters_have_a_place_on_an_axis(values: tuple[Any, ...], places: tuple[float, ...]) -> None:
    tried = points([study("x", *(trial(at, 0.5, v=value) for at, value in enumerate(values)))])
    place = by_value(Figure().add_subplot(), tried, "v")
    assert [place(point.trial) for point in tried] == pytest.approx(places)


def test_ranks_are_placed_evenly_between_both_sides() -> None:
    scale = Scale(5, 2.0, 7.5)
    assert [scale(rank) for rank in (1, 3, 5)] == [2.0, 3.75, 5.5]


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


def test_a_curve_far_below_all_others_ends_where_it_is_written() -> None:
    axes = Figure().add_subplot()
    ends = {"a": [85.0, 90.0], "b": [88.0], "c": [91.0], "scratch": [10.0, 26.5]}
    (below,) = sink_curves(axes, ends).values()
    assert axes.get_ylim()[0] < below < min(axes.get_yticks()) and max(axes.get_yticks()) <= 92
    assert [text.get_text() for text in axes.texts] == ["ends at: scratch 26.5 %"]
    assert sink_curves(axes, {name: ends[name] for name in "abc"}) == {}


def test_a_covered_marker_is_larger_than_the_one_above_it() -> None:
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot(xlim=(0, 100), ylim=(0, 100))
    for x, y in ((50, 50), (50.1, 50), (80, 20)):
        axes.plot(x, y, marker="o", markersize=6)
    reveal(figure)
    assert [line.get_markersize() for line in axes.lines] == [9.0, 6.0, 6.0]
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[50, 50]], [[50.1, 50]], [[80, 20]]]


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


def test_intervals_are_in_view_on_the_plot_of_tasks() -> None:
    results = counted(comparison(4, 3), 500)
    grid = grid_of(results)
    figure = by_task(grid, looks(grid.methods))
    low, high = figure.axes[0].get_xlim()
    ends = [end for m, t in grid.cells if (found := task_interval(grid, m, t)) for end in (found.low, found.high)]
    assert len(ends) == 24 and low < 100 * min(ends) and 100 * max(ends) < high


def test_a_lone_trial_has_a_whole_number_and_no_hyper_parameter() -> None:
    axes = Figure().subplots(1, 2)
    (tried,) = points([study("x", trial(0, 0.5))])
    for column, panel in enumerate(axes):
        draw_panel(panel, "a", [tried], column, Look("#000000", "o"))
    assert axes[0].get_xticks().tolist() == [0] and axes[1].get_xticks().tolist() == []
    assert axes[1].get_xlabel() == "nothing varied"


def test_the_ticks_of_a_hyper_parameter_do_not_touch() -> None:
    assert [number(value) for value in (1e-5, 2.5e-4, 0.0012, 0, 8192)] == ["1e-5", "2.5e-4", "0.0012", "0", "8,192"]
    for values in ([None, 0.0, 0.0013, 0.01], [None, *(10.0**at for at in range(-6, 2))], [0.1234, 0.1236]):
        axes = Figure().add_axes((0, 0, 1, 1))
        tried = points([study("x", *(trial(at, 0.5, lr=value) for at, value in enumerate(values)))])
        by_value(axes, tried, "lr")
        left, right = axes.get_xlim()
        places = [PANEL * (at - left) / (right - left) for at in axes.get_xticks()]
        letters = [len(text.get_text()) for text in axes.get_xticklabels()]
        assert len(places) > 1
        for (one, wide), (other, next_wide) in pairwise(zip(places, letters, strict=True)):
            assert other - one > 0.06 * (wide + next_wide) / 2


def test_one_group_is_no_plot_of_groups() -> None:
    grid = grid_of(comparison(2, 1))
    assert by_group(grid, looks(grid.methods)) is None
