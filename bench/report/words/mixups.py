"""What the most accurate method of a task mixes up: its confusion matrix, and its most frequent mistakes in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid
from bench.report.numbers.metrics import Predictions, confusion
from bench.report.numbers.units import counted, percent

MOST_CLASSES = 16  # of a matrix that is shown whole
MOST_PAIRS = 5  # mistakes in words


@dataclass(frozen=True)
class Mixups:
    """How the test images of one task were classified by its most accurate method, over all seeds."""

    task: str
    method: str
    names: tuple[str, ...]  # of the classes; empty where they are too many to show
    rows: tuple[tuple[tuple[int, float], ...], ...]  # of each true class: images taken for each, and their share
    sentences: tuple[str, ...]


def mixups(grid: Grid, predictions: Predictions) -> list[Mixups]:
    """One for each task with predictions."""
    return [made for task in grid.tasks if (made := of_task(grid, task, predictions))]


def of_task(grid: Grid, task: str, predictions: Predictions) -> Mixups | None:
    """What the most accurate method with predictions mixes up on a task; None where there is none."""
    scores = {method: score.mean for method in grid.compared if (score := grid.score(method, task))}
    made = (of_method(grid, task, method, predictions) for method in sorted(scores, key=lambda name: -scores[name]))
    return next(filter(None, made), None)


def of_method(grid: Grid, task: str, method: str, predictions: Predictions) -> Mixups | None:
    """What one method mixes up; None where nothing was kept, or records do not say how many classes there are."""
    cells = grid.cells[method, task]
    names = class_names(cells)
    kept = [one for cell in cells if (one := predictions.judged(cell).get("test"))]
    if not names or not kept or max(int(max(one.labels.max(), one.classes.max())) for one in kept) >= len(names):
        return None
    matrix = sum((confusion(one, len(names)) for one in kept), np.zeros((len(names), len(names)), np.int64))
    told = (*worst(matrix, names), *frequent(matrix, names))
    if len(names) > MOST_CLASSES:
        return Mixups(grid.label(task), method, (), (), told)
    shares = matrix / matrix.sum(1, keepdims=True).clip(1)
    rows = zip(matrix.tolist(), shares.round(4).tolist(), strict=True)
    return Mixups(grid.label(task), method, names, tuple(tuple(zip(*row, strict=True)) for row in rows), told)


def class_names(cells: Sequence[CellResult]) -> tuple[str, ...]:
    """The names of the classes by label, or their numbers where they have none; empty where records tell neither."""
    classes = cells[0].data.classes
    return tuple(classes) if isinstance(classes, list) else tuple(map(str, range(classes or 0)))


def worst(matrix: NDArray[np.int64], names: Sequence[str]) -> Iterator[str]:
    """The class with the lowest accuracy."""
    counts = matrix.sum(1)
    seen = counts.nonzero()[0]
    right = matrix.diagonal()[seen] / counts[seen]
    at = seen[right.argmin()]
    yield (
        f"The worst class is {names[at]}: {percent(float(right.min()))} % of its {counted(int(counts[at]), 'image')} "
        f"{'is' if counts[at] == 1 else 'are'} right. The mean over the classes is {percent(float(right.mean()))} %."
    )


def frequent(matrix: NDArray[np.int64], names: Sequence[str]) -> Iterator[str]:
    """The most frequent mistakes."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    counts = matrix.sum(1)
    for at in np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]:
        true, taken = divmod(int(at), len(names))
        if number := int(wrong[true, taken]):
            share = percent(number / int(counts[true]))
            yield f"{number} of {counts[true]} images of {names[true]} ({share} %) are taken for {names[taken]}."
