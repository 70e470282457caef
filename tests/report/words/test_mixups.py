"""What a method mixes up: counts over all seeds, the most frequent mistakes in words, a matrix while it is readable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.records.cells import CellResult, DataFacts
from bench.records.correct import pack
from bench.records.predictions import Predicted, keep
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.metrics import Predictions
from bench.report.words.mixups import MOST_CLASSES, Mixups, mixups
from tests.synthetic import result

CATS = ["cat", "dog", "<fox>"]


def kept(folder: Path, true: list[int], answers: list[int], classes: list[str] | int, **changes: object) -> CellResult:
    """A record of these answers, which are kept."""
    labels, given = np.array(true), np.array(answers)
    facts = DataFacts(fingerprint="f", classes=classes, test_counts={"test": len(true)})
    base = result(
        accuracy={"test": float((labels == given).mean())},
        correct={"test": pack(labels == given)},
        data=facts,
        **changes,
    )
    held = keep(folder, base, {"test": Predicted(given, np.zeros(len(true)))}, {"test": labels})
    Store(folder).append(made := replace(base, predictions=held))
    return made


def grid_of(folder: Path) -> Grid:
    (grid,) = grids(Store(folder).results())
    return grid


def only(folder: Path) -> Mixups:
    (one,) = mixups(grid_of(folder), Predictions(folder))
    return one


def test_seeds_are_added_up_and_mistakes_come_in_their_order(tmp_path: Path) -> None:
    true = [0, 0, 0, 0, 1, 1, 2, 2]
    kept(tmp_path, true, [0, 1, 1, 2, 1, 1, 2, 2], CATS, seed=0)
    kept(tmp_path, true, [0, 0, 1, 0, 1, 1, 0, 2], CATS, seed=1)
    one = only(tmp_path)
    assert [[count for count, _ in row] for row in one.rows] == [[4, 3, 1], [0, 4, 0], [1, 0, 3]]
    assert one.rows[0][1] == (3, 0.375)
    assert one.sentences == (
        "The worst class is cat: 50.0 % of its 8 images are right. The mean over the classes is 75.0 %.",
        "3 of 8 images of cat (37.5 %) are taken for dog.",
        "1 of 8 images of cat (12.5 %) are taken for <fox>.",
        "1 of 4 images of <fox> (25.0 %) are taken for cat.",
    )


def test_it_is_the_most_accurate_method_that_kept_predictions(tmp_path: Path) -> None:
    kept(tmp_path, [0, 1], [0, 0], 2)
    kept(tmp_path, [0, 1], [0, 1], 2, method="lora", key="better")
    Store(tmp_path).append(result("fine_tune", accuracy={"test": 1.0}, key="best"))
    assert only(tmp_path).method == "lora"


def test_many_classes_are_told_in_words_alone(tmp_path: Path) -> None:
    count = MOST_CLASSES + 1
    kept(tmp_path, list(range(count)), [*range(count - 1), 0], count)
    one = only(tmp_path)
    assert not one.names and not one.rows
    assert one.sentences[1:] == (f"1 of 1 images of {count - 1} (100.0 %) are taken for 0.",)


def test_nothing_is_told_without_predictions(tmp_path: Path) -> None:
    Store(tmp_path).append(result())
    assert mixups(grid_of(tmp_path), Predictions(tmp_path)) == []
    assert "What does it mix up?" not in write_report(tmp_path).paths[0].read_text(encoding="utf-8")


def test_the_page_has_the_matrix_with_names_escaped(tmp_path: Path) -> None:
    kept(tmp_path, [0, 1, 2, 2], [0, 1, 1, 2], CATS)
    page = write_report(tmp_path).paths[0].read_text(encoding="utf-8")
    assert "What does it mix up?" in page and "<fox>" not in page and "&lt;fox&gt;" in page
    assert page.count('<td class="right"') == 3 and page.count('<td class="wrong"') == 6
    assert '<td class="wrong" style="--share: 0.5">1</td>' in page
