"""What a final cell predicted for every test image, in a small file beside its record, so that any metric can be had.

predictions/KEY.npz   by test set: the class of each image, and how much probability its other classes have together
labels/DIGEST.npz     by test set: the true class of each image; one file for all cells on the same images

750,000 images of 1,000 classes take 2.5 MB at most. A lost or damaged file costs the metrics of its cells, nothing
else: the record names the digest of its file, and which images were classified correctly.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.records.cells import CellResult
from bench.records.correct import unpack
from bench.records.fitted import digest

CLASS, DOUBT, LABEL = "class/", "doubt/", "label/"  # begin the names of the arrays


@dataclass(frozen=True)
class Predicted:
    """What one cell predicted for the images of one test set."""

    classes: NDArray[np.integer]  # (images,), the class with the highest score
    doubt: NDArray[np.floating]  # (images,), 1 - its probability: half precision keeps it exact to 0.05 % near 0


@dataclass(frozen=True)
class Judged(Predicted):
    """The same with the true classes."""

    labels: NDArray[np.integer]  # (images,)


class Lost(Exception):
    """Predictions that were kept cannot be read; the text says which, in one clause."""


def file_of(folder: Path, key: str) -> Path:
    """Where a results folder keeps what a cell predicted."""
    return folder / "predictions" / f"{key}.npz"


def labels_of(folder: Path, record: CellResult) -> Path:
    """Where a results folder keeps the labels of the test sets of a cell, by the fingerprint of its images."""
    name = blake2b((record.data.fingerprint or "").encode(), digest_size=16).hexdigest()
    return folder / "labels" / f"{name}.npz"


def files_of(folder: Path, record: CellResult) -> tuple[Path, Path]:
    """Both files of a cell: its predictions, and the labels."""
    return file_of(folder, record.key), labels_of(folder, record)


def keep(
    folder: Path, record: CellResult, predicted: Mapping[str, Predicted], labels: Mapping[str, NDArray[np.integer]]
) -> str | None:
    """Writes both files, each in one step. Returns the digest of the predictions; None where a disk is full."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, one in predicted.items():
        arrays[CLASS + name] = small(one.classes)
        arrays[DOUBT + name] = one.doubt.astype(np.float16)
    path, truth = files_of(folder, record)
    with suppress(OSError):
        if not same(truth, labels):
            write(truth, {LABEL + name: small(of_set) for name, of_set in labels.items()})
        write(path, arrays)
        return mark(path)
    return None


def read(folder: Path, record: CellResult) -> dict[str, Judged]:
    """What a cell predicted, by test set; empty where its record keeps no predictions, as older ones.

    Raises Lost where a file is missing, damaged, or of other images or another fit than the record.
    """
    if record.predictions is None:
        return {}
    path, truth = files_of(folder, record)
    if mark(path) != record.predictions:
        raise Lost(f"{path.relative_to(folder)} is missing or damaged")
    found, labels = arrays_of(path), arrays_of(truth)
    judged = {}
    for name, packed in record.correct.items():
        right = unpack(packed, record.data.test_counts.get(name, 0))
        classes, doubt, true = found.get(CLASS + name), found.get(DOUBT + name), labels.get(LABEL + name)
        if classes is None or doubt is None or true is None or right is None:
            raise Lost(f"{truth.relative_to(folder)} is missing or damaged")
        if classes.shape != right.shape or true.shape != right.shape or ((classes == true) != right).any():
            raise Lost(f"{truth.relative_to(folder)} has other labels than those its cells were evaluated with")
        judged[name] = Judged(classes, doubt, true)
    return judged


def mark(path: Path) -> str | None:
    """The beginning of a file's digest; None where it cannot be read."""
    whole = digest(path)
    return whole[:32] if whole else None


def arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name; none where it is missing or damaged. Pickles are refused."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return {}


def same(path: Path, labels: Mapping[str, NDArray[np.integer]]) -> bool:
    """Whether a file has these labels already."""
    found = arrays_of(path)
    alike = (np.array_equal(found.get(LABEL + name, ()), of_set) for name, of_set in labels.items())
    return len(found) == len(labels) and all(alike)


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays by name, compressed, in one step. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        np.savez_compressed(file, **dict[str, Any](arrays))
    beside.replace(path)


def small(classes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Class numbers in the smallest type that holds them."""
    return classes.astype(np.min_scalar_type(int(classes.max(initial=0))))
