"""Which plots a report has, and the files they are written to. pyplot is not used: it has global state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bench.records.studies import Study
from bench.report.numbers.evidence import comparison
from bench.report.numbers.grid import Grid
from bench.report.numbers.together import Together
from bench.report.numbers.units import numbered
from bench.report.plots.affinity import by_affinity, gained
from bench.report.plots.backbones import SIDE_BY_SIDE, by_backbone
from bench.report.plots.budgets import BUDGETS, by_budget, by_draws
from bench.report.plots.groups import by_group
from bench.report.plots.heat import any_difference, by_heat
from bench.report.plots.layers import by_layer
from bench.report.plots.penalties import by_penalty
from bench.report.plots.ranks import by_rank
from bench.report.plots.shift import by_shift
from bench.report.plots.stores import by_store
from bench.report.plots.style import DPI, RC, Look
from bench.report.plots.tasks import by_task
from bench.report.plots.tradeoff import COSTS, points_of, trade_off
from bench.report.plots.trials import by_trial
from bench.report.words.captions import Plot, caption


def draw(
    grid: Grid, studies: Sequence[Study], looks: Mapping[str, Look], folder: Path, stem: str
) -> list[Plot]:  # fmt: skip
    """Writes a grid's plots as PNG and SVG, such as `<stem>_accuracy_by_flops.png`, the main ones first.

    A plot without anything to show is left out; `bench.report.words.captions` says what each plot needs.
    """
    with rc_context(RC):
        figures = {name: figure for name, figure in drawings(grid, studies, looks) if figure is not None}
        return [save(figure, name, folder, stem) for name, figure in figures.items()]


def draw_together(side: Together, folder: Path, stem: str) -> list[Plot]:
    """Writes the plots of backbones side by side, such as `<stem>_accuracy_by_bytes.png`."""
    with rc_context(RC):
        figures = {f"accuracy_by_{cost.name}": by_backbone(side, cost) for cost in COSTS[:2]}
        plots = [save(figure, name, folder, stem) for name, figure in figures.items() if figure is not None]
    return [replace(plot, caption=SIDE_BY_SIDE) for plot in plots]


def drawings(grid: Grid, studies: Sequence[Study], looks: Mapping[str, Look]) -> Iterator[tuple[str, Figure | None]]:
    """Every plot by its name, None where there is nothing to show."""
    compared = comparison(grid)
    costs = [cost.of(grid) for cost in COSTS]
    for cost in costs:
        yield f"accuracy_by_{cost.name}", trade_off(grid, cost, looks) if points_of(grid, cost) else None
    yield "accuracy_by_store", by_store(grid, looks)
    yield "accuracy_by_task", by_task(grid, looks)
    yield "accuracy_by_group", by_group(grid, looks)
    yield "gain_by_method", by_heat(grid) if any_difference(grid) else None
    yield "accuracy_by_rank", by_rank(grid, compared, looks) if compared.critical_difference else None
    yield "gain_by_affinity", by_affinity(grid, looks) if len({gain.task for gain in gained(grid)}) > 1 else None
    yield "chosen_by_layer", by_layer(grid)
    yield "accuracy_by_penalty", by_penalty(grid, looks)
    for budget in BUDGETS:
        yield f"accuracy_by_tuning_{budget.ledger}", by_budget(grid, studies, budget, looks)
    yield "tuning_by_draws", by_draws(grid, studies, looks)
    yield "tuning_by_trial", by_trial(grid, studies, looks)
    shifted = [task for task in grid.tasks if grid.shifted(task)]
    names = numbered([re.sub(r"[^\w.-]+", "-", grid.label(task))[-60:] for task in shifted])
    for name, task in zip(names, shifted, strict=True):
        yield f"accuracy_by_shift_{name}", by_shift(grid, task, looks)


def save(figure: Figure, name: str, folder: Path, stem: str) -> Plot:
    """Writes both files, without metadata: equal numbers give equal files.

    `Figure.savefig` would draw each file twice, first to lay the figure out, which is done here already.
    """
    png, svg = (folder / f"{stem}_{name}.{kind}" for kind in ("png", "svg"))
    figure.dpi = DPI
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    return Plot(name, figure.get_suptitle(), caption(name), figure.get_figwidth(), png, svg)
