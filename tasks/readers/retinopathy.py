"""Diabetic retinopathy: photographs of whole retinas, evened out as the winner of the 2015 competition did it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.archives import identity
from tasks.readers.files import FolderFiles
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Pool, Raw

PIPELINE = "authors' files, evened out as btgraham-300 with Pillow and scipy"
USAGES = {"validation": "Public", "test": "Private"}  # the leaderboards for which a split was used


@dataclass(frozen=True)
class Retinas:
    """Photographs that are evened out when they are decoded."""

    photographs: Encoded

    def __len__(self) -> int:
        return len(self.photographs)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8, at most (540, 540, 3). Raises UserError naming a file that cannot be decoded."""
        from tasks.readers.retinas import evened  # here, because scipy and Pillow are slow to import

        return evened(self.photographs.decode(index))

    def take(self, chosen: Sequence[int]) -> Retinas:
        """Some of the images, by position."""
        return replace(self, photographs=self.photographs.take(chosen))


def retinopathy(data: Path) -> Raw | None:
    """`train/10_left.jpeg` and so on with trainLabels.csv, `test/1_left.jpeg` and so on with the solution file."""
    found = [locate(data, [name]) for name in ("train/10_left.jpeg", "test/1_left.jpeg")]
    tables = [locate(data, [name]) for name in ("trainLabels.csv", "retinopathy_solution.csv")]
    paths = [path for path in (*found, *tables) if path is not None]
    if len(paths) < len(found) + len(tables):
        return None
    train, test = FolderFiles(paths[0].parent), FolderFiles(paths[1].parent)

    def pool(split: str) -> Pool:
        rows = table(paths[2] if split == "train" else paths[3], USAGES.get(split))
        photographs = Encoded(train if split == "train" else test, [f"{name}.jpeg" for name, _ in rows])
        return Pool([name for name, _ in rows], [label for _, label in rows], Retinas(photographs))

    return Raw(train.path.parent, PIPELINE, pool, identity(train, test, paths[2], paths[3]))


def table(path: Path, usage: str | None) -> list[tuple[str, int]]:
    """Names and grades in a table, of one usage if it is given. Raises UserError for a table of another form."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if usage is None or row["Usage"] == usage]
        return [(row["image"], int(row["level"])) for row in rows]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} has no columns image, level and Usage as published; download it again") from error
