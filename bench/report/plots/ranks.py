"""The critical-difference diagram: average ranks, and bars over methods that do not differ significantly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.numbers.grid import Grid
from bench.report.numbers.units import counted
from bench.report.plots.layout import heading
from bench.report.plots.style import INK, QUIET, WIDTH, Look
from bench.statistics import Comparison

ROW = 0.21  # inches between two names
BAR = 0.085  # inches between two bars
LETTER = 0.07  # inches that a letter of a name takes


@dataclass(frozen=True)
class Scale:
    """The axis of ranks, in inches from the left."""

    count: int
    side: float  # room for names on either side
    width: float

    def __call__(self, rank: float) -> float:
        """Where a rank stands."""
        return self.side + (rank - 1) / (self.count - 1) * (self.width - 2 * self.side)


def by_rank(grid: Grid, compared: Comparison, looks: Mapping[str, Look]) -> Figure:
    """Demšar's diagram (2006, JMLR 7, figure 1), with the best rank at the left. Needs a critical difference.

    The axes have one unit an inch, so that names, ranks and bars keep their distances at any number of methods.
    """
    side = 0.75 + LETTER * max(map(len, compared.methods))
    scale = Scale(len(compared.methods), side, max(WIDTH, 2 * side + 3))
    bars, half = compared.groups(), -(-len(compared.methods) // 2)
    top = -0.14 - BAR * len(bars) - 0.12  # of the first name
    below, above = ROW * half - top, 0.75
    figure = Figure(figsize=(scale.width, below + above + 0.6))
    axes = figure.add_axes((0, 0, 1, (below + above) / figure.get_figheight()))
    axes.set(xlim=(0, scale.width), ylim=(-below, above))
    axes.axis("off")
    draw_scale(axes, scale, compared.critical_difference or 0.0)
    for at, bar in enumerate(bars):
        ends = [scale(compared.ranks[bar[0]]) - 0.03, scale(compared.ranks[bar[-1]]) + 0.03]
        axes.plot(ends, [-0.14 - BAR * at] * 2, color=INK, linewidth=3.0, solid_capstyle="butt", zorder=3)
    for at, method in enumerate(compared.methods):
        row = at if at < half else len(compared.methods) - 1 - at
        ends = [scale.side if at < half else scale.width - scale.side, top - ROW * row]
        draw_name(axes, f"{method}  {compared.ranks[method]:.2f}", scale(compared.ranks[method]), ends, looks[method])
    told = (
        f"{grid.about}, mean over {counted(len(compared.tasks), 'task')}, "
        f"{counted(len(grid.seeds), 'seed')}; 1 is the best rank; a bar joins methods whose ranks lie within the "
        "critical difference (CD) of Nemenyi's test at 5 %"
    )
    heading(figure, "Average ranks", told, place=False)
    return figure


def draw_scale(axes: Axes, scale: Scale, distance: float) -> None:
    """The axis of ranks, and above it the critical difference at its true length."""
    axes.plot([scale(1), scale(scale.count)], [0, 0], color=INK, linewidth=1.0)
    every = 1 if scale.count <= 15 else 5
    for rank in range(1, scale.count + 1):
        axes.plot([scale(rank)] * 2, [0, 0.06], color=INK, linewidth=1.0)
        if rank == 1 or rank % every == 0:
            axes.text(scale(rank), 0.09, str(rank), ha="center", va="bottom", fontsize=8, color=INK)
    start, end = scale(1), scale(1 + distance)
    axes.plot([start, start, start, end, end, end], [0.32, 0.4, 0.36, 0.36, 0.4, 0.32], color=QUIET, linewidth=1.2)
    longer = ", longer than the scale: no two methods differ" if distance > scale.count - 1 else ""
    axes.text(start, 0.43, f"CD = {distance:.2f}{longer}", ha="left", va="bottom", fontsize=8, color=INK)


def draw_name(axes: Axes, name: str, rank: float, end: list[float], look: Look) -> None:
    """A line from the rank (inches) down and out to the method's mark, name and rank."""
    left = end[0] < rank or (end[0] == rank and end[0] < axes.get_xlim()[1] / 2)
    x, y = end
    axes.plot([rank, rank, x], [0, y, y], color=look.colour, linewidth=0.9, zorder=1)
    axes.plot(x - 0.06 if left else x + 0.06, y, **look.mark(6.5))
    side = "right" if left else "left"
    axes.text(x - 0.16 if left else x + 0.16, y, name, ha=side, va="center", fontsize=8.5, color=INK)
