"""Deltas in several number formats: rows of one grid, joined by a line in a plot of their own."""

from __future__ import annotations

from dataclasses import replace

from bench.registry import stored_as
from bench.report.plots.stores import by_store, stored
from bench.report.plots.style import looks
from tests.report.handmade import grid_of
from tests.synthetic import comparison


def test_formats_are_rows_of_one_grid_and_a_line_joins_them() -> None:
    whole = comparison(["lora", "fine_tune"], 3)
    small = [
        replace(
            one, key=f"{one.key}8", method=stored_as(one.method, "int8"), store="int8",
            cost=replace(one.cost, stored_bytes=one.cost.stored_bytes // 4),
        )
        for one in whole
        if one.cost.stored_bytes and one.method == "lora"
    ]  # fmt: skip
    grid = grid_of([*whole, *small])
    assert set(grid.methods) == {"lora", "fine_tune", "lora · int8"}
    assert [one.store for one in stored(grid, "lora")] == ["fp32", "int8"]
    figure = by_store(grid, looks(grid.methods))
    assert figure is not None
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lora"]
    assert by_store(grid_of(whole), looks(grid.methods)) is None
