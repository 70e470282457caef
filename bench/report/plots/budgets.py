"""Equal-budget curves: what each method's tuning would have reached, had it stopped at a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.records.studies import Steps, Study, curve, drawn, expected_best, suite_curve
from bench.report.numbers.gains import leading, leading_note
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import counted, listed, prefixed
from bench.report.plots.layout import head, legend, legend_height
from bench.report.plots.scales import SUNK, round_values, scale_from, strip
from bench.report.plots.style import INK, WIDTH, Look

HEIGHT = 4.3  # inches, without the legend
MARKERS = 9  # on a curve, at most


@dataclass(frozen=True)
class Budget:
    """What an equal-budget plot has on its x axis."""

    ledger: str  # a key of the costs in bench.records.studies
    title: str
    write: Callable[[float], str]


BUDGETS = (
    Budget("seconds", "device-seconds", lambda value: f"{value:,.6g} s"),
    Budget("flops", "FLOPs", lambda value: prefixed(value, "FLOP")),
)


def curves(found: Sequence[Study], ledger: str) -> tuple[dict[str, Steps], list[str]]:
    """Each method's mean curve, and the tasks it is over: those on which all methods have a curve."""
    begun = [study for study in found if curve(study, ledger)]
    methods = ordered(study.method for study in begun)
    tasks = [
        task
        for task in ordered(study.task for study in begun)
        if {study.method for study in begun if study.task == task} == set(methods)
    ]
    of = {m: suite_curve([s for s in begun if s.method == m and s.task in tasks], ledger) for m in methods}
    return {m: steps for m, steps in of.items() if any(value is not None for _, value in steps)}, tasks


def by_budget(grid: Grid, found: Sequence[Study], budget: Budget, looks: Mapping[str, Look]) -> Figure | None:
    """Mean test accuracy over tasks as steps, dotted after a method's tuning has ended. None without a curve."""
    everything, tasks = curves(found, budget.ledger)
    shown = {method: everything[method] for method in leading(grid, list(everything))}
    spent = [cost for steps in shown.values() for cost, _ in steps if cost > 0]
    if not spent:
        return None
    figure = Figure(figsize=(WIDTH, HEIGHT + legend_height(list(shown))), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    low, high = min(spent) / 1.15, max(spent) * 1.4
    sunk = sink_curves(axes, {method: [100 * v for _, v in steps if v is not None] for method, steps in shown.items()})
    for method, steps in shown.items():
        y = [math.nan if value is None else sunk.get(method, 100 * value) for _, value in steps]
        draw_steps(axes, method, [max(cost, low) for cost, _ in steps], y, high, looks[method])
    ticks = {10**at: budget.write(10**at) for at in round_values(math.log10(low), math.log10(high))}
    axes.set_xlim(low, high)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_xlabel(f"{budget.title} spent on tuning a task, logarithmic")
    axes.set_ylabel("mean test accuracy of the incumbent, %")
    legend(figure, list(shown))
    told = (
        subtitle(grid, found, everything, tasks) + leading_note(list(shown), list(everything)) + (SUNK if sunk else "")
    )
    head(figure, axes, f"Accuracy at equal budgets of {budget.title}", told)
    return figure


def sink_curves(axes: Axes, shown: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Heights, below the scale, of the curves that end far below all others. Writes there where they end."""
    floor = scale_from([values[-1] for values in shown.values()])
    sunk = {method: values[-1] for method, values in shown.items() if values[-1] < floor}
    if not sunk:
        return {}
    scaled = [value for method, values in shown.items() if method not in sunk for value in values]
    rim = 0.05 * (max(scaled) - min(scaled)) + 0.2
    edge = min(scaled) - rim
    below = strip(axes, edge, max(scaled) + rim)
    told = ", ".join(f"{method} {value:.1f} %" for method, value in sunk.items())
    place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    axes.annotate(f"ends at: {told}", (0, edge), (5, -3), va="top", fontsize=7, color=INK, **place)
    return dict.fromkeys(sunk, below)


def draw_steps(axes: Axes, method: str, x: Sequence[float], y: Sequence[float], right: float, look: Look) -> None:
    """One method's curve, with a dotted line from its end to the right edge."""
    line: dict[str, Any] = {"color": look.colour, "drawstyle": "steps-post", "zorder": 2}
    axes.plot([x[-1], right], [y[-1], y[-1]], **{**line, "linestyle": (0, (1, 2)), "linewidth": 1.0})
    mark = look.mark(6)
    every = max(1, math.ceil(len(x) / MARKERS))
    axes.plot(x, y, label=method, **{**mark, **line, "linestyle": "-", "linewidth": 1.4}, markevery=every)


def subtitle(grid: Grid, found: Sequence[Study], shown: Mapping[str, Steps], tasks: Sequence[str]) -> str:
    """What a curve shows, and which methods have none."""
    absent = [method for method in grid.methods if method not in shown]
    lacking = f"; without a curve: {listed(absent)}" if absent else ""
    mean = "mean over " if len(tasks) > 1 else ""
    cut = "; the budget ended some searches early" if any(study.cut for study in found) else ""
    return (
        f"{grid.about}, {mean}the {counted(len(tasks), 'task')} on which all were "
        f"tuned; incumbent: the trial with the best validation accuracy so far; dotted: tuning had ended{cut}{lacking}"
    )


def by_draws(grid: Grid, found: Sequence[Study], looks: Mapping[str, Look]) -> Figure | None:
    """Expected validation accuracy of the best of n trials of random search, with a band of one standard deviation.

    None without a random search.
    """
    random = [study for study in found if study.sampler == "random" and drawn(study)]
    everyone = ordered(study.method for study in random)
    methods = leading(grid, everyone)
    if not methods:
        return None
    figure = Figure(figsize=(WIDTH, HEIGHT + legend_height(methods)), layout="constrained")
    axes = figure.add_subplot()
    for method in methods:
        values = [drawn(study) for study in random if study.method == method]
        n = range(1, min(map(len, values)) + 1)
        means, spreads = zip(*[mean_best(values, count) for count in n], strict=True)
        top, bottom = zip(*[(100 * (m + s), 100 * (m - s)) for m, s in zip(means, spreads, strict=True)], strict=True)
        axes.fill_between(n, bottom, top, color=looks[method].colour, alpha=0.1, linewidth=0)
        line = {**looks[method].mark(5), "linestyle": "-", "linewidth": 1.2}
        axes.plot(n, [100 * mean for mean in means], label=method, **line)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("n, trials drawn at random")
    axes.set_ylabel("expected best validation accuracy, %")
    legend(figure, methods)
    tasks = len({study.task for study in random})
    told = (
        f"{grid.about}, {'mean over ' if tasks > 1 else ''}{counted(tasks, 'task')}; "
        "does not depend on the order of the trials; bands: one standard deviation to either side (Dodge et al. 2019)"
        + leading_note(methods, everyone)
    )
    head(figure, axes, "Expected best of n trials of random search", told)
    return figure


def mean_best(values: Sequence[Sequence[float]], n: int) -> tuple[float, float]:
    """Mean over studies of the expected best of n, and its standard deviation, the studies being independent."""
    found = [expected_best(of_study, n) for of_study in values]
    return sum(mean for mean, _ in found) / len(found), math.sqrt(sum(var for _, var in found)) / len(found)
