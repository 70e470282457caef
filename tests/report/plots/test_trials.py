"""The plot of tuning: where a trial stands, and ticks that do not touch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from matplotlib.figure import Figure

from bench.report.plots.style import Look
from bench.report.plots.trials import PANEL, by_value, draw_panel, main_parameter, number, points
from tests.report.handmade import study, trial


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
