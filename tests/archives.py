"""Small archives in the true formats of the originals, for tests.

Every image is of one shade of grey that tells it apart, with a red mark in its upper right corner and a blue one in its
lower left: a reader that turns, mirrors or transposes pictures, or swaps channels, is found out.
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from PIL import Image

from bench.spec import Task
from tasks import vtab
from tasks.readers.raw import Recipe

Facts = Mapping[str, Mapping[Any, tuple[int, int]]]  # split → key → (label, shade)
Marks = tuple[tuple[int, int, int], tuple[int, int, int]]
COLOURED, GREY = ((255, 0, 0), (0, 0, 255)), ((255, 255, 255), (0, 0, 0))  # upper right, lower left
FOUR, TWO, REST = slice(0, 4), slice(4, 6), slice(6, None)


@dataclass(frozen=True)
class Shape:
    """How a small task takes its images out of the splits: as expressions and, for the tests, as slices."""

    expressions: tuple[str, str, str]
    train: Sequence[tuple[str, slice]]
    test: tuple[str, slice]


GIVEN = Shape(
    ("train[:4]", "validation[:2]", "test"), [("train", FOUR), ("validation", slice(0, 2))], ("test", slice(None))
)
TRAIN_TEST = Shape(("train[:4]", "train[4:6]", "test"), [("train", FOUR), ("train", TWO)], ("test", slice(None)))
ONE = Shape(("train[:4]", "train[4:6]", "train[6:]"), [("train", FOUR), ("train", TWO)], ("train", REST))
SCENES = Shape(
    ("train[:4]", "train[4:6]", "validation"), [("train", FOUR), ("train", TWO)], ("validation", slice(None))
)
TOYS = Shape(
    ("train[:4]", "test[:2]", "test[50%:]"), [("train", FOUR), ("test", slice(0, 2))], ("test", slice(5, None))
)


def recipe(name: str) -> Recipe:
    """The row of a VTAB task, by the last part of its name."""
    (found,) = (row for row in vtab.ROWS if row.name.rpartition("/")[2] == name.rpartition("/")[2])
    return found


@dataclass(frozen=True)
class Small:
    """A VTAB task cut down to a few images."""

    name: str  # the last part of the task's
    shape: Shape
    facts: Facts
    near: int = 0  # by how much shades may be off, because of JPEG
    marks: Marks = COLOURED

    @property
    def task(self) -> Task:
        """The task, whose data set has the images of `facts` alone."""
        row = recipe(self.name)
        sizes = {split: len(keys) for split, keys in self.facts.items()}
        origin = replace(row.origin, sizes=sizes, tolerance=0, source=replace(row.origin.source, downloads=()))
        return vtab.task(replace(row, origin=origin, splits=self.shape.expressions))


def check(small: Small, data: Path) -> None:
    """The right images, with their marks, come with the right labels in the right order.

    Marks may be off by twice as much as shades.
    """
    task, shape, facts = small.task, small.shape, small.facts
    found = task.find(data)
    assert found.fingerprint == task.find(data).fingerprint
    opened = found.load()
    order = {
        split: sorted(keys, key=lambda key: md5(f"{split}{key}".encode()).digest()) for split, keys in facts.items()
    }
    wanted = {
        "train": [facts[split][key] for split, part in shape.train for key in order[split][part]],
        "test": [facts[shape.test[0]][key] for key in order[shape.test[0]][shape.test[1]]],
    }
    assert opened.train.validation == 2
    for name, split in (("train", opened.train), ("test", opened.tests["test"])):
        assert split.labels.tolist() == [label for label, _ in wanted[name]]
        assert split.labels.dtype == np.int64 and split.classes == task.classes
        for index, (_, shade) in enumerate(wanted[name]):
            pixels = split.images.decode(index)
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            assert abs(int(pixels[1, 1, 0]) - shade) <= small.near, (name, index)
            for mark, row, column in zip(small.marks, (1, -2), (-2, 1), strict=True):
                assert np.abs(pixels[row, column].astype(int) - mark).max() <= 2 * small.near, (name, index)


def shades(count: int, classes: int, first: int = 0) -> dict[Any, tuple[int, int]]:
    """Rows numbered from 0, each with a label and a shade."""
    return {row: ((row * 7 + first) % classes, (first + row * 8) % 256) for row in range(count)}


def image(shade: int, kind: str = "jpeg", size: tuple[int, int] = (64, 48)) -> bytes:
    """An image file (width, height) of one shade of grey with its marks."""
    buffer = io.BytesIO()
    Image.fromarray(marked(shade, size[1], size[0])).save(buffer, kind)
    return buffer.getvalue()


def flat(shade: int, kind: str = "png", size: tuple[int, int] = (8, 8)) -> bytes:
    """An image file (width, height) of one shade of grey without marks."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, kind)
    return buffer.getvalue()


def marked(shade: int, height: int, width: int) -> np.ndarray:
    """Pixels (height, width, 3) of one shade of grey with a red mark and a blue one, as large as JPEG's blocks."""
    pixels = np.full((height, width, 3), shade, np.uint8)
    side = min(16, height // 3)
    pixels[:side, -side:], pixels[-side:, :side] = COLOURED
    return pixels


def marked_grey(shade: int, side: int) -> np.ndarray:
    """Pixels (side, side) of one shade with a white mark and a black one at the same places."""
    return marked(shade, side, side)[:, :, 0]


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "gz") -> None:
    """A tar of some files, compressed or plain ("")."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, f"w:{mode}") as archive:  # type: ignore[call-overload]
        for name, blob in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(blob)
            archive.addfile(member, io.BytesIO(blob))


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """A compressed zip of some files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, blob in files.items():
            archive.writestr(name, blob)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """The files as they would be unpacked."""
    for name, blob in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(blob)


def norb_matrix(array: np.ndarray) -> bytes:
    """A binary matrix of small NORB."""
    magic = {np.dtype("u1"): 0x1E3D4C55, np.dtype("<i4"): 0x1E3D4C54}[array.dtype]
    sizes = [*array.shape, *[1] * (3 - array.ndim)]
    return struct.pack(f"<2i{len(sizes)}i", magic, array.ndim, *sizes) + array.tobytes()
