"""The test sets made to go with CIFAR-10: CIFAR-10.1, CIFAR-10-C and STL-10, out of their authors' own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.source import Source
from bench.spec import DataMissing, Found, Split, UserError
from tasks.readers import raw
from tasks.readers.digest import digest, file_digest
from tasks.readers.locate import locate
from tasks.readers.pixels import Arrays
from tasks.readers.shift import Shift, array, joined, labels_in

CLASSES = 10
EACH = 1_000  # test images of a class of CIFAR-10
PUBLISHED = {"v6": 2_000, "v4": 2_021}  # images of CIFAR-10.1, by version
SEVERITIES = 5
# The fifteen of the benchmark (Hendrycks & Dietterich 2019, arXiv:1903.12261). The files hold four others, made for
# choosing hyper-parameters by; here nothing is chosen by shifted images.
CORRUPTIONS = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
# airplane bird car cat deer dog horse monkey ship truck, as CIFAR-10 numbers them. It has frogs in place of monkeys.
STL10_LABELS = (0, 2, 1, 3, 4, 5, 7, None, 8, 9)
STL10_ROW = 3 * 96 * 96  # bytes of an image
STL10_SHARED = 7_200  # test images of the nine classes
FindShift = Callable[[Path], Shift | None]  # finds a shifted set below a data folder


@dataclass(frozen=True)
class ShiftedCifar10:
    """Reads CIFAR-10 with those of some shifted sets that are there."""

    recipe: raw.Recipe
    shifts: Sequence[FindShift]
    source: Source

    def find(self, data: Path) -> Found:
        """CIFAR-10 and its shifted sets. Raises DataMissing without CIFAR-10, or without any shifted set."""
        source = self.recipe.raw(data)
        shifts = [shift for find in self.shifts if (shift := find(data)) is not None]
        if source is None or not shifts:
            raise DataMissing(self.source.missing(self.recipe.name, data))
        return joined(raw.found(self.recipe, source), shifts, [EACH] * CLASSES)


def cifar10_1(data: Path) -> Shift | None:
    """CIFAR-10.1: 2,000 new images of the same classes. Version 6, which its authors recommend, or else version 4.

    Raises UserError if its labels are not beside its images.
    """
    for version in ("v6", "v4"):
        place = locate(data, [f"{where}cifar10.1_{version}_data.npy" for where in ("", "CIFAR-10.1/datasets/")])
        if place is not None:
            return version_of_cifar10_1(place, version)
    return None


def version_of_cifar10_1(place: Path, version: str) -> Shift:
    """CIFAR-10.1 out of its file of images and the file of labels beside it."""
    beside = place.with_name(f"cifar10.1_{version}_labels.npy")
    if not beside.is_file():
        raise UserError(f"{place} has no {beside.name} beside it; download it too")

    def load() -> Mapping[str, Split]:
        labels = labels_in(beside, CLASSES)
        return {f"cifar10.1_{version}": Split(Arrays(pixels(place, len(labels))), labels, CLASSES)}

    images = len(array(beside))
    return Shift(f"CIFAR-10.1 {version}", digest(map(file_digest, (place, beside))), images, PUBLISHED[version], load)


def cifar10_c(data: Path) -> Shift | None:
    """CIFAR-10-C: the test images under fifteen corruptions in five severities, named `cifar10c/<corruption>/<1..5>`.

    A file holds one corruption, the severities one after another. Raises UserError if a file is missing.
    """
    beside = locate(data, [f"{folder}/labels.npy" for folder in ("CIFAR-10-C", "cifar-10-c", "cifar10c")])
    if beside is None:
        return None
    paths = {name: beside.with_name(f"{name}.npy") for name in CORRUPTIONS}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        raise UserError(f"{beside.parent} lacks {', '.join(missing)}; unpack CIFAR-10-C.tar again")

    def load() -> Mapping[str, Split]:
        found = {}
        labels = labels_in(beside, CLASSES)
        each = len(labels) // SEVERITIES
        for name, path in paths.items():
            rows = pixels(path, len(labels))
            for at in range(SEVERITIES):
                part = slice(each * at, each * (at + 1))
                found[f"cifar10c/{name}/{at + 1}"] = Split(Arrays(rows[part]), labels[part], CLASSES)
        return found

    images, whole = len(paths) * len(array(beside)), len(paths) * SEVERITIES * CLASSES * EACH
    return Shift("CIFAR-10-C", digest(map(file_digest, (beside, *paths.values()))), images, whole, load)


def stl10(data: Path) -> Shift | None:
    """STL-10's test images of the nine classes that CIFAR-10 has too, 96 pixels wide. Monkeys are left out.

    `test_X.bin` holds three planes per image, each column by column; `test_y.bin` one label per image, 1 to 10.
    Raises UserError if the two do not belong together.
    """
    place = locate(data, ["stl10_binary/test_X.bin", "STL10/test_X.bin", "stl10/test_X.bin", "test_X.bin"])
    if place is None:
        return None
    beside = place.with_name("test_y.bin")
    if not beside.is_file() or place.stat().st_size != STL10_ROW * beside.stat().st_size:
        raise UserError(f"{place} and its test_y.bin are not whole; unpack stl10_binary.tar.gz again")
    stored = np.fromfile(beside, np.uint8).astype(np.int64) - 1
    if len(stored) == 0 or stored.min() < 0 or stored.max() >= len(STL10_LABELS):
        raise UserError(f"{beside} has a label outside 1..10, or none; unpack stl10_binary.tar.gz again")
    kept = [at for at, label in enumerate(stored.tolist()) if STL10_LABELS[label] is not None]
    possible = frozenset(label for label in STL10_LABELS if label is not None)

    def load() -> Mapping[str, Split]:
        rows = np.memmap(place, np.uint8, "r").reshape(-1, 3, 96, 96)
        labels = np.array([STL10_LABELS[stored[at]] for at in kept], np.int64)
        return {"stl10": Split(Arrays(rows, by_columns).take(kept), labels, CLASSES, possible=possible)}

    return Shift("STL-10", digest(map(file_digest, (place, beside))), len(kept), STL10_SHARED, load, possible)


def by_columns(row: np.ndarray) -> np.ndarray:
    """(height, width, 3) of an image that is stored as (3, width, height)."""
    return np.ascontiguousarray(row.transpose(2, 1, 0))


def pixels(path: Path, count: int) -> np.ndarray:
    """Images (count, 32, 32, 3) of an .npy file. Raises UserError if it has another number of images."""
    rows = array(path, 32, 32, 3)
    if len(rows) != count:
        raise UserError(f"{path} has {len(rows):,} images where there are {count:,} labels; download both again")
    return rows
