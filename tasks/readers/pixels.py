"""Images that are decoded when they are asked for, from any thread: image files, arrays, selections of either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.images.decode import rgb
from bench.spec import Images, Split
from tasks.readers.files import Files

Line = tuple[str, int]  # name of an image file, its label


@dataclass(frozen=True)
class Encoded:
    """Image files in a folder or an archive.

    With `upright` an image is turned as its EXIF orientation says. tensorflow-datasets does not, so VTAB does not.
    """

    files: Files
    names: Sequence[str]
    upright: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3). Raises UserError naming a file that cannot be decoded."""
        name = self.names[index]
        return rgb(self.files.read(name), self.files.where(name), upright=self.upright)

    def take(self, chosen: Sequence[int]) -> Encoded:
        """Some of the images, by position. A tar takes their files into memory."""
        names = [self.names[at] for at in chosen]
        self.files.hold(names)
        return replace(self, names=names)


@dataclass(frozen=True)
class Arrays:
    """Images that are rows of an array (n, …); `pixels` turns a row into uint8 (height, width, 3)."""

    rows: np.ndarray
    pixels: Callable[[np.ndarray], np.ndarray] = np.array

    def __len__(self) -> int:
        return len(self.rows)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3)."""
        return self.pixels(self.rows[index])

    def take(self, chosen: Sequence[int]) -> Arrays:
        """Some of the images, by position, copied so that the others need not stay in memory."""
        return replace(self, rows=self.rows[np.asarray(chosen, np.int64)])


@dataclass(frozen=True)
class Selection:
    """Some images out of several sets, in a given order: (number of the set, position in it)."""

    sets: Sequence[Images]
    chosen: Sequence[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.chosen)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3)."""
        which, inner = self.chosen[index]
        return self.sets[which].decode(inner)


def grey(row: np.ndarray) -> np.ndarray:
    """Grey pixels (height, width) as three equal channels (height, width, 3)."""
    return np.repeat(row[:, :, None], 3, axis=2)


def labelled(files: Files, lines: Sequence[Line], classes: int, possible: frozenset[int] | None = None) -> Split:
    """Image files with their labels as a split; `possible` are the classes that can occur in it, None for all."""
    labels = np.array([label for _, label in lines], dtype=np.int64)
    return Split(Encoded(files, [name for name, _ in lines]), labels, classes, possible=possible)
