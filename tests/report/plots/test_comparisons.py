"""The heat map, the ranks and the panels of groups, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib import rc_context

from bench.report.numbers.gains import leading, leading_note
from bench.report.plots.groups import by_group
from bench.report.plots.heat import any_difference, differences
from bench.report.plots.ranks import Scale
from bench.report.plots.style import RC, looks
from tests.report.handmade import grid_of
from tests.synthetic import comparison, result


def test_the_heat_map_is_the_difference_to_fine_tuning() -> None:
    accuracy = {("fine_tune", "x"): 0.8, ("fine_tune", "y"): 0.5, ("a", "x"): 0.7, ("a", "y"): 0.65, ("b", "x"): 0.9}
    grid = grid_of([result(m, f"demo/{t}", accuracy={"test": value}) for (m, t), value in accuracy.items()])
    rows, values = differences(grid, ["a", "b"])
    assert [name for name, _ in rows] == ["x", "y"]  # with one common task there is no mean to show
    np.testing.assert_allclose(values, [[-0.1, 0.1], [0.15, np.nan]])
    assert any_difference(grid) and not any_difference(grid_of(comparison(["a", "b"], 2)))


def test_ranks_are_placed_evenly_between_both_sides() -> None:
    scale = Scale(5, 2.0, 7.5)
    assert [scale(rank) for rank in (1, 3, 5)] == [2.0, 3.75, 5.5]


def test_who_lacks_a_cost_is_named_above_the_panels_of_groups() -> None:
    found = [replace(one, cost=replace(one.cost, train_flops=None)) if one.method == "lora" else one
             for one in comparison(3, 3)]  # fmt: skip
    grid = grid_of(found)
    with rc_context(RC):
        figure = by_group(grid, looks(grid.methods))
    assert figure is not None
    told = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert "without a figure and so not in every panel: lora" in told


def test_one_group_is_no_plot_of_groups() -> None:
    grid = grid_of(comparison(2, 1))
    assert by_group(grid, looks(grid.methods)) is None


def test_a_plot_without_room_for_all_shows_the_best_and_says_so() -> None:
    """The linear probe is shown whatever its rank."""
    names = [f"m{at}" for at in range(20)]
    worst = result("linear_probe", "demo/x", accuracy={"test": 0.1})
    grid = grid_of([*(result(m, "demo/x", accuracy={"test": 0.5 + at / 100}) for at, m in enumerate(names)), worst])
    shown = leading(grid, grid.compared)
    assert shown == ["linear_probe", *names[6:]] and leading_note(shown, grid.compared).startswith("; 15 of 21 methods")
    assert leading(grid, names[:14]) == names[:14] and leading_note(names, names) == ""
