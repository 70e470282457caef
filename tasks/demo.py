"""The embedded suite `demo/*`: seven small tasks drawn on the spot, for a first look and for tests. Not a benchmark.

Six are invented outright; `demo/digits` draws real handwriting. Nothing is downloaded and nothing is kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import numpy as np

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Data, Found, Split, Task
from tasks.drawing import cells, materials, scenes
from tasks.drawing.canvas import Array

TRAIN, VALIDATION, TEST = 1000, 200, 1500  # the last 200 of the 1,000 validate
UNSEEN = 797  # of scikit-learn's 1,797 digits, those left to test on
CHUNK = 100  # pictures drawn at once, so that their fields fit the processor's cache
DRAWING = 1  # part of every fingerprint: raise it whenever the same seed would draw another picture
PIPELINE = "drawn by tasks/demo.py"
Draw = Callable[[np.random.Generator, Array], Array]  # labels (n,) → pictures uint8 (n, 32, 32, 3)
FLIP, SHIFT = frozenset({"flip"}), frozenset({"shift"})


class Once:
    """Pictures that are drawn when they are first asked for, by whichever thread is the first, and kept."""

    def __init__(self, draw: Callable[[], Array]) -> None:
        self._draw, self._lock = draw, Lock()
        self._drawn: Array | None = None

    def __call__(self) -> Array:
        """The pictures."""
        with self._lock:
            if self._drawn is None:
                self._drawn = self._draw()
            return self._drawn


class Drawn:
    """Pictures in memory, drawn when the first is asked for, so that a fit need not wait for those of the test sets.

    They are told apart by identity, so that features can be cached.
    """

    def __init__(self, count: int, draw: Callable[[], Array]) -> None:
        """`draw` returns all `count` pictures, uint8 (count, 32, 32, 3)."""
        self.count, self.pixels = count, Once(draw)

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> Array:
        """Pixels uint8 (32, 32, 3)."""
        return np.asarray(self.pixels()[index])


def seeded(name: str, split: str) -> np.random.Generator:
    """The same random numbers for the same task and split, on every machine."""
    return np.random.default_rng(zlib.crc32(f"{name}/{split}".encode()))


@dataclass(frozen=True)
class Row:
    """A task whose pictures are invented."""

    name: str
    group: str
    classes: int
    summary: str
    draw: Draw
    augment: frozenset[str] = frozenset()

    def find(self, data: Path) -> Found:
        """The task; nothing is looked for in the data folder."""
        return Found(PIPELINE, f"{self.name}@{DRAWING}", self.load, TRAIN, TEST, exactness="exact")

    def load(self) -> Data:
        """Draws labels at random, then one picture for each."""
        drawn = {split: self.split(split, n) for split, n in (("train", TRAIN), ("test", TEST))}
        train = Split(drawn["train"].images, drawn["train"].labels, self.classes, VALIDATION, self.augment)
        return Data(train, {"test": drawn["test"]})

    def split(self, split: str, n: int) -> Split:
        """The pictures of one split with their labels."""
        rng = seeded(self.name, split)
        labels = rng.integers(0, self.classes, n)

        def pictures() -> Array:
            return np.concatenate([self.draw(rng, some) for some in np.split(labels, n // CHUNK)])

        return Split(Drawn(n, pictures), labels, self.classes)


@lru_cache(maxsize=1)
def scans() -> tuple[Array, Array]:
    """scikit-learn's handwritten digits, (1797, 8, 8) in 0..16, and their labels (1797,), in an order of our own.

    Read from the file of the installed package, as its `load_digits` reads it, but without the seconds of its import.
    """
    found = find_spec("sklearn")
    assert found is not None and found.origin is not None  # it is required
    rows = np.loadtxt(Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    order = seeded("demo/digits", "order").permutation(len(rows))
    return rows[order, :-1].reshape(-1, 8, 8), rows[order, -1].astype(np.int64)


def digits_of(split: str) -> Array:
    """Which scans a split draws, in the order of its pictures: 1,000 once each, or the other 797 twice each."""
    return np.arange(TRAIN) if split == "train" else np.tile(np.arange(TRAIN, TRAIN + UNSEEN), 2)


def draw_digits() -> Data:
    """Draws real handwriting. No digit that is adapted on is in any of the test sets."""
    images, labels = scans()
    learnt, asked = digits_of("train"), digits_of("test")
    scanned = images[asked]
    upright = Once(lambda: scenes.digits(seeded("demo/digits", "test"), scanned))
    tests: dict[str, Callable[[], Array]] = {
        "test": upright,
        "ood/inverted": lambda: 255 - upright(),
        "ood/noisy": lambda: scenes.noisy(seeded("demo/digits", "ood/noisy"), upright()),
        "ood/rotated": lambda: scenes.digits(seeded("demo/digits", "ood/rotated"), scanned, turn=0.8),
    }
    train = Drawn(TRAIN, lambda: scenes.digits(seeded("demo/digits", "train"), images[learnt]))
    return Data(
        Split(train, labels[learnt], 10, VALIDATION, SHIFT),
        {name: Split(Drawn(len(asked), draw), labels[asked], 10) for name, draw in tests.items()},
    )


def find_digits(data: Path) -> Found:
    """The task `demo/digits`; nothing is looked for in the data folder."""
    return Found(PIPELINE, f"demo/digits@{DRAWING}", draw_digits, TRAIN, 4 * 2 * UNSEEN, exactness="exact")


DIGITS = Task(
    "demo/digits", "natural", 10, "real handwritten digits at a random place in random colours",
    find_digits, f"800 + 200 / {2 * UNSEEN:,}",
    Source(
        link="scikit-learn's digits, the test set of https://archive.ics.uci.edu/dataset/80, redrawn in colour; "
        "each of the 797 that are tested on is drawn twice",
        licence="CC BY 4.0",
        citation="E. Alpaydin and C. Kaynak (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning "
        "Repository.",
    ),
    effort="quick",
)  # fmt: skip
INVENTED = Source(link="drawn by Head2Head from a seed", licence="Apache-2.0, as Head2Head")
ROWS = (
    Row("demo/textures", "natural", 10, "which material: brick, wood, marble, weave, …", materials.textures,
        FLIP | SHIFT),
    Row("demo/cells", "specialized", 5, "stage of division of a stained cell", cells.cells, FLIP | SHIFT),
    Row("demo/position", "structured", 8, "horizontal position of a shape", scenes.position),
    Row("demo/orientation", "structured", 8, "direction in which a sprite points", scenes.orientation),
    Row("demo/count", "structured", 6, "number of solids on a floor", scenes.count, FLIP),
    Row("demo/distance", "structured", 6, "depth of the nearest solid on a floor", scenes.distance, FLIP),
)  # fmt: skip


def task(row: Row) -> Task:
    """A row as the harness knows it."""
    return Task(row.name, row.group, row.classes, row.summary, row.find, f"800 + 200 / {TEST:,}", INVENTED, "quick")


for each in (DIGITS, *map(task, ROWS)):
    TASKS.add(each.name, each)
