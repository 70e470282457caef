"""The trade-off: what its axes count, and whose names it shows."""

from __future__ import annotations

from dataclasses import replace

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import rgb_to_hsv, to_rgb

from bench.records.cells import Cost, TuningFacts
from bench.registry import METHODS
from bench.report.plots.style import RC, looks
from bench.report.plots.tradeoff import COSTS, pareto, points_of, trade_off
from tests.report.handmade import grid_of
from tests.synthetic import comparison, result


def test_what_was_tuned_pays_for_it() -> None:
    probe = result("linear_probe", cost=Cost(train_flops=100, train_seconds=1.0))
    whole = result("lora", cost=Cost(train_flops=100, tune_flops=400, train_seconds=1.0, tune_seconds=4.0))
    fixed, chosen = grid_of([probe, whole]), grid_of([probe, replace(whole, tuning=TuningFacts("s", sampler="grid"))])
    for cost, unit in ((COSTS[0], 100), (COSTS[2], 1)):
        assert [mark.cost for mark in points_of(fixed, cost.of(fixed))] == [unit, unit]
        assert [mark.cost for mark in points_of(chosen, cost.of(chosen))] == [unit, 5 * unit]
        assert "and tuning" in cost.of(chosen).title and "tuning" not in cost.of(fixed).title
    assert COSTS[1].of(chosen) is COSTS[1]


def test_no_names_touch_among_35_methods() -> None:
    """The Pareto front is named, and no name touches another name or a mark; the legend has all methods."""
    names = [f"method_number_{at}" for at in range(35)]
    grid = grid_of(comparison(names, 3))
    with rc_context(RC):
        figure = trade_off(grid, COSTS[0], looks(grid.methods))
        FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    texts = [text for text in axes.texts if text.get_text()]
    boxes = [text.get_window_extent().padded(-1) for text in texts]
    assert not [1 for at, box in enumerate(boxes) for other in boxes[:at] if box.overlaps(other)]
    marks = [axes.transData.transform(line.get_xydata()[0]) for line in axes.lines if line.get_label() in names]
    assert len(marks) == 35 and not [1 for box in boxes for x, y in marks if box.contains(x, y)]
    front = [name for name in names if any(text.get_text().replace("\n", "") == name for text in texts)]
    named = set(pareto(points_of(grid, COSTS[0]), 1e99))
    assert {mark.method for mark in points_of(grid, COSTS[0]) if (mark.cost, mark.accuracy) in named} <= set(front)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(names)


def test_35_methods_look_different_and_a_family_shares_a_hue() -> None:
    names = [name for members in METHODS.by_family().values() for name in members]
    for some in (names, [f"method_{at}" for at in range(35)], [f"lora:rank={at}" for at in range(60)]):
        assert len(set(looks(some).values())) == len(some)
    hues = {name: rgb_to_hsv(to_rgb(look.colour))[0] for name, look in looks(names).items()}
    of = {family: {round(hues[name], 1) for name in members} for family, members in METHODS.by_family().items()}
    assert all(len(found) == 1 for found in of.values()) and len({hue for found in of.values() for hue in found}) > 3
