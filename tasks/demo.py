"""The embedded suite `demo/*`: seven small tasks drawn on the spot, for a first look and for tests. Not a benchmark.

Six are invented outright; `demo/digits` draws real handwriting. Nothing is downloaded and nothing is kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.registry import TASKS
from bench.spec import Data, Found, Split, Task
from tasks.drawing import cells, materials, scenes
from tasks.drawing.canvas import Array

TRAIN, VALIDATION, TEST = 1000, 200, 1500  # the last 200 of the 1,000 validate
UNSEEN = 797  # of scikit-learn's 1,797 digits, those left to test on
CHUNK = 100  # pictures drawn at once: their fields fit the processor's cache
DRAWING = 1  # part of every fingerprint: raised whenever the same seed would draw another picture
Draw = Callable[[np.random.Generator, Array], Array]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures held in memory, uint8 (n, 32, 32, 3); told apart by identity, so that what is computed can be kept."""

    pixels: Array

    def __len__(self) -> int:
        return len(self.pixels)

    def decode(self, index: int) -> Array:
        return np.asarray(self.pixels[index])


def seeded(name: str, split: str) -> np.random.Generator:
    """The same random numbers for the same task and split, on every machine."""
    return np.random.default_rng(zlib.crc32(f"{name}/{split}".encode()))


def draw(task: Task) -> Data:
    """Draws a task whose pictures are invented: labels at random, then one picture for each."""
    paint: Draw = task.facts["draw"]
    splits: dict[str, Split] = {}
    for split, n in (("train", TRAIN), ("test", TEST)):
        rng = seeded(task.name, split)
        labels = rng.integers(0, task.classes, n)
        pictures = np.concatenate([paint(rng, some) for some in np.split(labels, n // CHUNK)])
        splits[split] = Split(Drawn(pictures), labels, task.classes)
    train = Split(splits["train"].images, splits["train"].labels, task.classes, VALIDATION, task.facts["augment"])
    return Data(train, {"test": splits["test"]})


@lru_cache(maxsize=1)
def scans() -> tuple[Array, Array]:
    """scikit-learn's handwritten digits, (1797, 8, 8) in 0..16, and their labels, in an order of our own."""
    from sklearn.datasets import load_digits  # met here, so that listing tasks stays light

    images, labels = load_digits(return_X_y=True)
    order = seeded("demo/digits", "order").permutation(len(labels))
    return images[order].reshape(-1, 8, 8), labels[order].astype(np.int64)


def digits_of(split: str) -> Array:
    """Which of the scans a split draws, in the order of its pictures: 1,000 once, or the other 797 twice each."""
    return np.arange(TRAIN) if split == "train" else np.tile(np.arange(TRAIN, TRAIN + UNSEEN), 2)


def draw_digits(task: Task) -> Data:
    """Draws real handwriting: no digit that is adapted on is in any of the test sets."""
    images, labels = scans()
    learnt, asked = digits_of("train"), digits_of("test")
    pictures = scenes.digits(seeded(task.name, "test"), images[asked])
    tests = {
        "test": pictures,
        "ood/inverted": 255 - pictures,
        "ood/noisy": scenes.noisy(seeded(task.name, "ood/noisy"), pictures),
        "ood/rotated": scenes.digits(seeded(task.name, "ood/rotated"), images[asked], turn=0.8),
    }
    train = Drawn(scenes.digits(seeded(task.name, "train"), images[learnt]))
    return Data(
        Split(train, labels[learnt], task.classes, VALIDATION, task.facts["augment"]),
        {name: Split(Drawn(pixels), labels[asked], task.classes) for name, pixels in tests.items()},
    )


def find(task: Task, data_folder: Path) -> Found:
    """Nothing to look for: the pictures are drawn when they are asked for."""
    load: Callable[[Task], Data] = task.facts["load"]
    tests = TEST if task.facts["draw"] else 4 * 2 * UNSEEN  # the digits with their shifted copies
    return Found(
        "drawn by tasks/demo.py", f"{task.name}@{DRAWING}", lambda: load(task), TRAIN, tests, exactness="exact"
    )


@dataclass(frozen=True)
class Row:
    """One embedded task as its table states it."""

    name: str
    group: str
    classes: int
    summary: str
    draw: Draw | None = None
    augment: frozenset[str] = frozenset()


FLIP, SHIFT = frozenset({"flip"}), frozenset({"shift"})
# Source, licence and citation.
HANDWRITING = (
    "scikit-learn's digits, the test set of https://archive.ics.uci.edu/dataset/80, redrawn in colour; "
    "each of the 797 that are tested on is drawn twice",
    "CC BY 4.0",
    "E. Alpaydin and C. Kaynak (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning Repository.",
)
ROWS = (
    Row("digits", "natural", 10, "real handwritten digits at a random place in random colours", augment=SHIFT),
    Row("textures", "natural", 10, "which material: brick, wood, marble, weave, …", materials.textures, FLIP | SHIFT),
    Row("cells", "specialized", 5, "stage of division of a stained cell", cells.cells, FLIP | SHIFT),
    Row("position", "structured", 8, "horizontal position of a shape", scenes.position),
    Row("orientation", "structured", 8, "direction in which a sprite points", scenes.orientation),
    Row("count", "structured", 6, "number of solids on a floor", scenes.count, FLIP),
    Row("distance", "structured", 6, "depth of the nearest solid on a floor", scenes.distance, FLIP),
)


def task(row: Row) -> Task:
    """A row as the harness knows it; its reader finds in `facts` how to draw it."""
    facts = {"load": draw if row.draw else draw_digits, "draw": row.draw, "augment": row.augment}
    size = f"800 + 200 / {TEST if row.draw else 2 * UNSEEN:,}"
    origin = ("drawn by Head2Head from a seed", "Apache-2.0, as Head2Head", "") if row.draw else HANDWRITING
    return Task(f"demo/{row.name}", row.group, row.classes, row.summary, find, size, *origin, facts)


for row in ROWS:
    TASKS.add(f"demo/{row.name}", task(row))
