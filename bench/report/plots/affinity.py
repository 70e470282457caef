"""The plot of domain affinity, as Head2Toe's figure 1: what each method gains over the linear probe."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.gains import LINEAR, SCRATCH, affinities, leading, leading_note, over_linear
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import counted
from bench.report.plots.labels import place_clear
from bench.report.plots.layout import head, legend, legend_height, reveal
from bench.report.plots.style import FAINT, INK, QUIET, WIDTH, Look

HEIGHT = 5.0  # inches, without the legend
RADIUS = 3.3  # of a marker, typographic points
SAME_TASKS = "vtab1k"  # the suite with the tasks of the published figure
PUBLISHED = Path(__file__).resolve().parents[1] / "reference" / "head2toe_figure1.csv"


class Gain(NamedTuple):
    """A method's gain over the linear probe on a task, and the task's domain affinity, in points."""

    method: str
    task: str
    affinity: float
    gain: float


def gained(grid: Grid) -> list[Gain]:
    """The gain of each method on each task whose affinity is known."""
    known = affinities(grid)
    methods = [method for method in grid.compared if method not in (LINEAR, SCRATCH)]
    found = [(method, task, known[task], over_linear(grid, method, task)) for method in methods for task in known]
    return [Gain(method, task, 100 * at, 100 * gain) for method, task, at, gain in found if gain is not None]


def published(suite: str) -> list[tuple[float, float]]:
    """The paper's 19 points (affinity, gain); none for another suite, or where the file is missing."""
    if suite != SAME_TASKS or not PUBLISHED.is_file():
        return []
    with PUBLISHED.open(newline="", encoding="utf-8") as file:
        return [(float(row["domain_affinity"]), float(row["h2t_minus_linear"])) for row in csv.DictReader(file)]


def by_affinity(grid: Grid, looks: Mapping[str, Look]) -> Figure:
    """A point for each method and task. The points of a task stand on one vertical line, with its name above."""
    found = gained(grid)
    everyone = ordered(gain.method for gain in found)
    methods = leading(grid, everyone)
    gains = [gain for gain in found if gain.method in methods]
    figure = Figure(figsize=(WIDTH, HEIGHT + legend_height(methods)), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color=QUIET, linewidth=0.9, zorder=1)
    underlay = published(grid.suite)
    if underlay:
        axes.plot(*zip(*underlay, strict=True), "o", color="none", markeredgecolor=QUIET, alpha=0.6, zorder=1)
    for task in ordered(gain.task for gain in gains):
        heights = [gain.gain for gain in gains if gain.task == task]
        at = next(gain.affinity for gain in gains if gain.task == task)
        axes.plot([at, at], [min(*heights, 0), max(*heights, 0)], color=FAINT, linewidth=1.2, zorder=0.5)
    for method in methods:
        for at, gain in enumerate(gain for gain in gains if gain.method == method):
            name = "" if at else method  # one entry in the legend, and one line a marker: `reveal` needs that
            axes.plot(gain.affinity, gain.gain, label=name, **looks[method].mark(2 * RADIUS))
    axes.set_xlabel(f"domain affinity: {LINEAR} minus {SCRATCH}, points")
    axes.set_ylabel(f"gain over {LINEAR}, points")
    axes.margins(0.07, 0.09)
    legend(figure, methods)
    head(
        figure,
        axes,
        "Gain over the linear probe against domain affinity",
        subtitle(grid, gains, bool(underlay)) + leading_note(methods, everyone),
    )
    reveal(figure)
    name_tasks(figure, axes, grid, gains, underlay)
    return figure


def name_tasks(
    figure: Figure, axes: Axes, grid: Grid, gains: Sequence[Gain], underlay: Sequence[tuple[float, float]]
) -> None:
    """Writes each task's name near its highest point where there is room. The layout must be final."""
    tops = [max((gain for gain in gains if gain.task == task), key=lambda gain: gain.gain)
            for task in ordered(gain.task for gain in gains)]  # fmt: skip
    names = [axes.text(0, 0, grid.label(top.task), fontsize=7.5, color=INK, zorder=4) for top in tops]
    sizes = [(box.width, box.height) for box in (name.get_window_extent() for name in names)]
    to_pixels, to_data = axes.transData.transform, axes.transData.inverted().transform
    points = [tuple(to_pixels((top.affinity, top.gain))) for top in tops]
    others = [(gain.affinity, gain.gain) for gain in gains if gain not in tops]
    nameless = [tuple(to_pixels(point)) for point in (*others, *underlay)]
    left, right = axes.get_xlim()
    lines = [[tuple(point) for point in to_pixels([(left, 0), (right, 0)])]]
    radius = 1.35 * RADIUS * figure.dpi / 72  # more than the markers need: type is wider in print
    frame = np.array(axes.bbox.extents) + radius * np.array([1, 1, -1, -1])
    boxes = place_clear(points, sizes, frame, lines, radius, nameless)
    for at, name in enumerate(names):
        if at in boxes:
            name.set_position(tuple(to_data(boxes[at][:2])))
        else:
            name.remove()


def subtitle(grid: Grid, gains: Sequence[Gain], underlay: bool) -> str:
    """Which runs these are, and what the open circles are."""
    tasks = counted(len({gain.task for gain in gains}), "task")
    circles = "; open circles: Head2Toe as published, Evci et al. 2022, figure 1, read off the picture"
    seeds = counted(len(grid.seeds), "seed")
    return f"{grid.about}, {tasks}, {seeds}{circles if underlay else ''}"
