"""The plot of group means: accuracy against each cost, a panel for each group of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.grid import Grid, finite
from bench.report.numbers.units import listed
from bench.report.plots.layout import described, heading, legend, legend_height, reveal
from bench.report.plots.scales import SUNK, Mark, spread_axes
from bench.report.plots.style import FAINT, INK, QUIET, WIDTH, Look
from bench.report.plots.tradeoff import COSTS, Cost, pareto

PANEL = 1.9  # inches, height of a panel
COLUMNS = 4  # groups side by side; further groups are not drawn


def by_group(grid: Grid, looks: Mapping[str, Look]) -> Figure | None:
    """Costs down, groups across, each panel with its Pareto front. None unless all methods finished two groups."""
    groups = list(grid.by_group(grid.common).items())[:COLUMNS]
    costs = [cost for cost in (one.of(grid) for one in COSTS) if any(marks(grid, tasks, cost) for _, tasks in groups)]
    if len(groups) < 2 or not costs:
        return None
    methods = list(grid.compared)
    figure = Figure(figsize=(WIDTH, 0.8 + len(costs) * PANEL + legend_height(methods)), layout="constrained")
    panels = figure.subplots(len(costs), len(groups), squeeze=False)
    sunk, lacking = False, set[str]()
    for row, cost in enumerate(costs):
        for column, (group, tasks) in enumerate(groups):
            panel = panels[row, column]
            panel.grid(color=FAINT)
            panel.tick_params(labelsize=7)
            if found := marks(grid, tasks, cost):
                sunk |= draw_panel(panel, found, cost, looks)
            lacking |= set(methods) - {mark.method for mark in found}
            if row == 0:
                panel.set_title(f"{group} ({len(tasks)})", loc="left", fontsize=9, color=INK)
            panel.set_xlabel(f"{cost.title} of a task" if column == 0 else "", fontsize=8, loc="left")
    for panel in panels[:, 0]:
        panel.set_ylabel("accuracy, %", fontsize=8)
    handles = {line.get_label(): line for panel in panels.flat for line in panel.lines}
    shown = [method for method in methods if method in handles]
    legend(figure, shown, handles=[handles[method] for method in shown], labels=shown)
    told = f"{described(grid, len(grid.common), mean=True)}; in brackets: number of tasks; grey stairs: Pareto front"
    absent = [method for method in methods if method in lacking]
    told += f"; without a figure and so not in every panel: {listed(absent)}" if absent else ""
    heading(figure, "Accuracy against costs in each group of tasks", told + (SUNK if sunk else ""))
    reveal(figure)
    return figure


def draw_panel(panel: Axes, found: list[Mark], cost: Cost, looks: Mapping[str, Look]) -> bool:
    """The methods' marks and their Pareto front. A mark below the scale has its accuracy written beside it.

    Returns whether there are such marks.
    """
    panel.set_xscale("log")
    placed = spread_axes(panel, found, cost.write)
    panel.set_xticks(panel.get_xticks()[::2])
    front = pareto(placed, panel.get_xlim()[1])
    panel.plot(*zip(*front, strict=True), color=QUIET, linewidth=0.9, alpha=0.7, zorder=1)
    below = [mark for mark in placed if mark.sunk is not None]
    for mark in placed:
        panel.plot(mark.cost, mark.accuracy, label=mark.method, **looks[mark.method].mark(5.5))
    for mark in below:
        text, place = f"{mark.sunk:.0f} %", (mark.cost, mark.accuracy)
        style: dict[str, Any] = {"fontsize": 6.5, "color": INK, "ha": "right", "va": "center"}
        panel.annotate(text, place, (-5, 0), textcoords="offset points", **style)
    return bool(below)


def marks(grid: Grid, tasks: list[str], cost: Cost) -> list[Mark]:
    """The methods whose accuracy and cost are known on all of a group's tasks."""
    found = []
    for method in grid.compared:
        score, spent = grid.mean(method, [tasks]), grid.cost(method, cost.field, tasks)
        if score and finite(spent) and spent >= 0:
            found.append(Mark(method, spent, 100 * score.mean))
    return found
