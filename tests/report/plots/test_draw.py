"""All plots of a report: no label overlaps another, and a method looks alike in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.report.numbers.searches import of_grid
from bench.report.plots.draw import drawings
from bench.report.plots.style import RC, Look, looks
from tests.report.handmade import grid_of
from tests.synthetic import selecting, tuned


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


def test_a_method_looks_alike_everywhere() -> None:
    look, figures = drawn(12)
    assert len(figures) >= 14
    for name, figure in figures.items():
        lines = [line for axes in figure.axes for line in axes.lines if line.get_label() in look]
        assert all(to_hex(line.get_color()) == look[line.get_label()].colour.lower() for line in lines), name
        assert all(line.get_marker() == look[line.get_label()].marker for line in lines), name
