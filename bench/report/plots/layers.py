"""The plot of chosen layers: in which taps the features lie that a method selects, on every task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import clipped
from bench.report.plots.layout import described, heading
from bench.report.plots.style import FAINT, WIDTH

Table = NDArray[np.int64]  # (taps, 2): features kept, and all features
MOST = 3  # methods; further ones are not drawn
ROW, TALLEST = 0.17, 10.5  # inches, height of a row, and of all together
TITLE, TOP, RIGHT = 0.3, 0.6, 0.7  # inches, of margins
LABEL = 26  # characters of a task's name
APART = 0.15  # inches between the names of two parts of the network
COLOURS = "YlGnBu"  # of ColorBrewer; its lightness alone is enough to read it
DRAWN = "drawn at random"  # the first row, for comparison


@dataclass(frozen=True)
class Panel:
    """What one method keeps: percentages of the kept features, (rows, taps); NaN where no record holds them."""

    method: str
    shares: NDArray[np.float64]
    kept: tuple[int, int]  # the fewest and the most features in a cell


def by_layer(grid: Grid) -> Figure | None:
    """A panel for each method that selects features: a row a task, a column a tap. None without such records."""
    found = {place: [one for cell in cells if (one := chosen(cell))] for place, cells in grid.cells.items()}
    versions = Counter(tuple(one) for of_seeds in found.values() for one in of_seeds)
    if not versions:
        return None
    taps = versions.most_common(1)[0][0]  # records with other taps are left out
    tables = {
        place: [np.array(list(one.values())) for one in of_seeds if tuple(one) == taps]
        for place, of_seeds in found.items()
    }
    tasks = [task for task in grid.tasks if any(tables.get((method, task)) for method in grid.compared)]
    by_method = {method: [tables.get((method, task), []) for task in tasks] for method in grid.compared}
    panels = [panel(method, of_tasks) for method, of_tasks in by_method.items() if any(of_tasks)]
    rows = [(DRAWN, ""), *((grid.label(task), grid.groups[task]) for task in tasks)]
    rows += [(f"mean of {len(tasks)} tasks", "")] if len(tasks) > 1 else []
    told = f"{described(grid, len(tasks), mean=False)}; percentage of the features kept on a task that lies in each tap"
    told += f"; the first {MOST} of {len(panels)} methods that select" if len(panels) > MOST else ""
    figure = draw(panels[:MOST], taps, rows)
    heading(figure, "Which layers are chosen", told, place=False)
    return figure


def chosen(cell: CellResult) -> Mapping[str, tuple[int, int]] | None:
    """(kept, all) features of each tap in network order; None where the counts are missing or impossible."""
    pairs = cell.kept.values()
    sound = all(0 <= kept <= size for kept, size in pairs) and any(kept for kept, _ in pairs)
    return cell.kept if sound else None


def panel(method: str, tasks: Sequence[Sequence[Table]]) -> Panel:
    """The rows of a panel: features drawn at random, then each task's mean over seeds, then the mean of the tasks.

    A task without a record makes its row and the mean NaN.
    """
    known = [table for of_task in tasks for table in of_task]
    lines = [share(of_task, 0) if of_task else np.full(len(known[0]), np.nan) for of_task in tasks]
    mean = [np.mean(lines, axis=0)] if len(lines) > 1 else []
    kept = [int(table[:, 0].sum()) for table in known]
    return Panel(method, np.array([share(known, 1), *lines, *mean]), (min(kept), max(kept)))


def share(tables: Sequence[Table], column: int) -> NDArray[np.float64]:
    """Percentage of a column's sum that lies in each tap, mean over tables."""
    of_each = [100 * table[:, column] / table[:, column].sum() for table in tables]
    mean: NDArray[np.float64] = np.mean(of_each, axis=0)
    return mean


def draw(panels: Sequence[Panel], taps: Sequence[str], rows: Sequence[tuple[str, str]]) -> Figure:
    """The panels, one below the other, with one colour scale. `rows` holds (name, group)."""
    names = [clipped(name, LABEL) for name, _ in rows]
    left = 0.2 + 0.068 * max(map(len, names))
    tall, wide = min(ROW * len(rows), TALLEST / len(panels)), WIDTH - left - RIGHT
    below = 0.35 + 0.045 * max(len(part(tap)) for tap in taps)
    height = TOP + len(panels) * (TITLE + tall) + below
    figure = Figure(figsize=(WIDTH, height))
    highest = max(float(np.nanmax(one.shares)) for one in panels)
    for at, one in enumerate(panels):
        bottom = below + (len(panels) - 1 - at) * (TITLE + tall)
        axes = figure.add_axes((left / WIDTH, bottom / height, wide / WIDTH, tall / height))
        axes.set_facecolor(FAINT)
        image = axes.imshow(one.shares, cmap=COLOURS, vmin=0, vmax=highest, aspect="auto", interpolation="nearest")
        low, high = one.kept
        count = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        axes.set_title(f"{one.method}: {count} features kept", loc="left", fontsize=8.5, pad=4)
        separate(axes, rows)
        axes.set_yticks(range(len(rows)), names, fontsize=7)
        name_taps(axes, taps, wide, last=at == len(panels) - 1)
    high_bar = min(len(panels) * (TITLE + tall) - TITLE, 2.5)
    bar = figure.add_axes(((left + wide + 0.15) / WIDTH, below / height, 0.1 / WIDTH, high_bar / height))
    figure.colorbar(image, cax=bar, format="%g %%")
    bar.tick_params(labelsize=7, length=0)
    bar.spines[:].set_visible(False)
    return figure


def separate(axes: Axes, rows: Sequence[tuple[str, str]]) -> None:
    """White lines between groups of tasks. Axes and grid are switched off."""
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for at in [at for at in range(1, len(rows)) if rows[at][1] != rows[at - 1][1]]:
        axes.axhline(at - 0.5, color="white", linewidth=3)


def name_taps(axes: Axes, taps: Sequence[str], inches: float, *, last: bool) -> None:
    """Thin lines where a part of the network begins. Below the last panel stand the parts' names that have room.

    The last tap is always named, then the parts in their order.
    """
    starts = [at for at in range(len(taps)) if at == 0 or part(taps[at]) != part(taps[at - 1])]
    for at in starts[1:]:
        axes.axvline(at - 0.5, color="white", linewidth=0.6)
    ends = [*starts[1:], len(taps)]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    room = APART * len(taps) / inches
    shown = [len(starts) - 1]
    for at in range(len(starts) - 1):
        if all(abs(middles[at] - middles[other]) >= room for other in shown):
            shown.append(at)
    labels = [part(taps[starts[at]]) for at in shown] if last else [""] * len(shown)
    axes.set_xticks([middles[at] for at in shown], labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=7)
    axes.tick_params(length=0, pad=3)
    axes.set_xlabel("taps, from the first layer to the last" if last else "", fontsize=7.5)


def part(tap: str) -> str:
    """The part of the network that holds a tap: `layer1` for `layer1.0.act2`, `blocks.10` for `blocks.10.mlp.act`."""
    found = re.match(r".*?\d+(?=\.|$)", tap)
    return found[0] if found else tap
