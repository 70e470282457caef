"""Deltas in several number formats: never in one column, and joined by a line in a plot of their own."""

from __future__ import annotations

from dataclasses import replace

from bench.report.numbers.grid import grids
from bench.report.plots.stores import by_store, stored
from bench.report.plots.style import looks
from tests.synthetic import comparison


def test_formats_have_a_grid_each_and_a_line_joins_them() -> None:
    whole = comparison(["lora", "fine_tune"], 3)
    small = [
        replace(one, key=f"{one.key}8", store="int8", cost=replace(one.cost, stored_bytes=one.cost.stored_bytes // 4))
        for one in whole
        if one.cost.stored_bytes and one.method == "lora"
    ]
    found = grids([*whole, *small])
    assert [grid.backbone.partition(" ")[2] for grid in found] == ["(stored as fp32)", "(stored as int8)"]
    assert [one.store for one in stored(found, "lora", list(found[0].common))] == ["fp32", "int8"]
    figure = by_store(found[0], found, looks(found[0].methods))
    assert figure is not None
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lora"]
    assert by_store(found[1], found, looks(found[1].methods)) is None and by_store(found[0], found[:1], {}) is None
