"""Was it fair? What was chosen on validation images, worked out by hand from records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.records.cells import CellResult, Cost, TuningFacts
from bench.report.numbers.chances import Chance, chances
from bench.report.numbers.searches import of_grid
from bench.report.plots.draw import drawings
from bench.report.plots.style import looks
from bench.report.words.fairness import fairness, lines, would_change
from tests.report.handmade import grid_of
from tests.synthetic import result, tuned

RATES = (1e-4, 1e-3, 3e-4, 1e-5)


def chosen(method: str, task: str, rate: float) -> list[CellResult]:
    """A final cell, and the four trials that chose its learning rate."""
    study = f"{method}/{task}"
    trials = [one for one in tuned([method], 1, trials=4, sampler="grid") if one.stage == "trial"]
    cost = Cost(train_flops=10**9, tune_flops=3 * 10**9, train_seconds=1.0, tune_seconds=3.0)
    about: dict[str, Any] = {"task": task, "group": "natural", "method": method, "effort": "paper"}
    found = [
        replace(one, key=f"{study}{at}", params={"lr": lr}, trial=replace(one.trial, study=study), **about)
        for at, (one, lr) in enumerate(zip(trials, RATES, strict=True))
        if one.trial
    ]
    tuning = TuningFacts(study, asked=4, trials=4, sampler="grid", chosen=0)
    return [*found, result(params={"lr": rate}, tuning=tuning, cost=cost, key=study, **about)]


def fair(cells: list[CellResult]) -> list[Chance]:
    grid = grid_of(cells)
    return chances(grid, of_grid(grid, cells))


def probe(task: str, l2: float, **changes: Any) -> CellResult:
    return result("linear_probe", task, effort="paper", curves={"chosen/l2": [(15, l2)]}, **changes)


CELLS = [
    *chosen("fine_tune", "demo/x", 1e-5), *chosen("fine_tune", "demo/y", 1e-4), *chosen("fine_tune", "demo/z", 1e-5),
    *(probe(f"demo/{task}", 0.1) for task in "xyz"), *(result("lda", f"demo/{task}", effort="paper") for task in "xyz"),
]  # fmt: skip


def test_each_method_tells_among_what_it_chose_and_what_that_cost() -> None:
    told = {line.method: line for line in lines(fair(CELLS))}
    assert told["fine_tune"].among == "learning rate: 1e-05, 0.0001, 0.0003, 0.001"
    assert (told["fine_tune"].looks, told["fine_tune"].cost) == ("4", "3 GFLOP, 3.0 s (3 trainings)")
    assert told["fine_tune"].ends == "learning rate: smallest on 2 of 3 tasks"
    assert told["linear_probe"].among == "l2 penalty: 15 values, 1e-06 to 10"
    assert (told["linear_probe"].looks, told["linear_probe"].cost) == ("15", "within its training")
    assert (told["lda"].among, told["lda"].looks, told["lda"].ends) == ("nothing: its recipe says all", "none", "–")


def test_what_lies_at_an_end_may_change_the_ranking() -> None:
    found = fair(CELLS)
    (sentence,) = would_change(found)
    assert sentence.startswith("fine_tune on 2 of 3 tasks chose the smallest learning rate of its grid, 1e-05: a wider")
    told = fairness(grid_of(CELLS), found)
    assert "15 for linear_probe; 4 for fine_tune; none for lda" in told[1] and "fine_tune chose" in told[2]


def test_a_search_has_the_ends_of_its_space() -> None:
    """Its learning rate was drawn up to 1, but the space of LoRA ends at 0.01, which is what the cell has."""
    (one,) = fair([one for one in tuned(["lora"], 3, trials=5) if one.task.endswith("0")])
    (rate,) = [choice for choice in one.choices if choice.name == "lr"]
    assert rate.count is None and rate.logarithmic and one.looks == (5, 5)
    assert rate.at_end(True) and not rate.at_end(False) and not rate.is_end(0.005, True)


def test_below_one_neighbour_there_is_nothing() -> None:
    cells = [result("knn", f"demo/{task}", curves={"chosen/k": [(4, 1.0)]}) for task in "xy"]
    assert would_change(fair(cells)) == []


def test_a_point_that_tells_a_choice_is_no_curve_of_a_plot() -> None:
    curves = {"chosen/l2": [(15, 0.1)], "memory/recomputed": [(0, 3.0)]}
    grid = grid_of([result(m, f"demo/{t}", curves=curves) for m in ("linear_probe", "lora") for t in "xy"])
    plain = grid_of([result(m, f"demo/{t}") for m in ("linear_probe", "lora") for t in "xy"])
    drawn = [
        {name for name, figure in drawings(one, [], looks(one.methods)) if figure is not None} for one in (grid, plain)
    ]
    assert drawn[0] == drawn[1]
