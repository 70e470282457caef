"""The plot of shifts: accuracy under each shift against accuracy in distribution, one point a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.grid import Grid
from bench.report.numbers.shifts import EDGE, fitted, logit, pairs, shifts
from bench.report.numbers.units import counted
from bench.report.plots.layout import heading, legend, legend_height, reveal
from bench.report.plots.style import FAINT, INK, QUIET, WIDTH, Look

PANEL = 2.35  # inches, height of a panel
COLUMNS = 3
TICKS = (0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5)  # percent, on a logit axis
APART = 0.13  # of the axis: nearer ticks would touch


def by_shift(grid: Grid, task: str, looks: Mapping[str, Look]) -> Figure:
    """A panel for each of a task's shifts, all on the same logit axes, as Taori et al. 2020 plot them."""
    found = {name: pairs(grid, task, tests) for name, tests in shifts(grid, task).items()}
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    methods = [method for method in grid.compared if any(method in points for points in found.values())]
    height = rows * (PANEL + 0.3) + legend_height(methods) + 0.9
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for panel in panels[len(found) :]:
        panel.set_visible(False)
    for name, panel in zip(found, panels, strict=False):
        draw_panel(panel, name, found[name], looks)
    dress(panels[: len(found)], [pair for points in found.values() for pair in points.values()], columns)
    handles = {line.get_label(): line for panel in panels[: len(found)] for line in panel.lines}
    legend(figure, methods, handles=[handles[method] for method in methods], labels=methods)
    heading(figure, f"Accuracy under shift: {task}", subtitle(grid, task, list(found.values())))
    reveal(figure)
    return figure


def draw_panel(panel: Axes, name: str, found: Mapping[str, tuple[float, float]], looks: Mapping[str, Look]) -> None:
    """The methods' points, the diagonal on which nothing is lost, and the fitted line where there is one."""
    panel.set_title(name, loc="left", fontsize=9, color=INK)
    panel.axline((0, 0), slope=1, color=QUIET, linewidth=0.9, zorder=1)
    line = fitted(list(found.values()))
    if line:
        panel.axline((0, line.offset), slope=line.slope, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for method, (inside, outside) in found.items():
        panel.plot(logit(inside), logit(outside), label=method, clip_on=False, **looks[method].mark(6.5))


def dress(panels: Sequence[Axes], points: Sequence[tuple[float, float]], columns: int) -> None:
    """Sets limits around the data with the right end of the diagonal in view, and ticks in percent."""
    inside, outside = ([logit(pair[at]) for pair in points] or [0.0] for at in (0, 1))
    x = spread(min(inside), max(inside))
    y = spread(min(outside), max(*outside, *inside))
    for at, panel in enumerate(panels):
        panel.set(xlim=x, ylim=y)
        panel.set_xticks(*ticks(*x))
        panel.set_yticks(*ticks(*y))
        panel.tick_params(labelleft=at % columns == 0, labelbottom=at + columns >= len(panels))
        panel.grid(color=FAINT)
        if at % columns == 0:
            panel.set_ylabel("under shift, %")
        if at + columns >= len(panels):
            panel.set_xlabel("in distribution, %")


def spread(low: float, high: float) -> tuple[float, float]:
    """Limits with a margin, wide enough to have ticks."""
    middle, half = (low + high) / 2, max((high - low) / 2, 0.35)
    return middle - 1.15 * half, middle + 1.15 * half


def ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Ticks between two logits: the logits of round percentages, as many as fit, and their labels."""
    steps: tuple[float, ...] = TICKS
    if high - low < 1.5:  # a narrow axis has ticks at single points
        steps = (*map(float, range(1, 100)), 99.3, 99.5, 99.7)
    shown: list[float] = []
    for percent in sorted(steps, key=lambda value: (value % 10 != 0, value % 5 != 0, -value)):
        at = logit(percent / 100)
        room = all(abs(at - logit(other / 100)) >= APART * (high - low) for other in shown)
        if low <= at <= high and room and EDGE <= percent / 100 <= 1 - EDGE:
            shown.append(percent)
    return [logit(percent / 100) for percent in sorted(shown)], [f"{percent:g}" for percent in sorted(shown)]


def subtitle(grid: Grid, task: str, found: Sequence[Mapping[str, tuple[float, float]]]) -> str:
    """What a point is, and what the two lines are."""
    lines = "solid: nothing lost under shift"
    if any(fitted(list(points.values())) for points in found):
        lines += "; dashed: what accuracy in distribution predicts, fitted to the methods shown"
    tests = max(len(part) for part in shifts(grid, task).values())
    parts = f", mean over up to {tests} test sets a shift" if tests > 1 else ""
    seeds = counted(len(grid.seeds), "seed")
    return f"backbone {grid.backbone}, {grid.effort} recipes, {seeds}{parts}; logit axes; {lines}"
