"""Shifted test sets that were found on disk, and how they join the source that methods adapt to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.spec import Data, Found, Split, Subset, UserError
from tasks.readers.digest import digest


@dataclass(frozen=True)
class Shift:
    """A shifted test set that was found and identified; none of its images is decoded yet."""

    name: str
    identity: str  # digest of its contents
    images: int
    published: int  # images of the whole set
    load: Callable[[], Mapping[str, Split]]  # by what follows `ood/` in the name; several if it comes in parts
    possible: frozenset[int] | None = None  # the classes that occur in it, None for all


def joined(base: Found, shifts: Sequence[Shift], counts: Sequence[int]) -> Found:
    """A source together with shifted test sets.

    If a shifted set has only some classes, the source's own test images of these classes make one more test set,
    `id/<name>`, so that the two differ in nothing but the shift. `counts` gives the number of the source's own test
    images by class.
    """

    def load() -> Data:
        data = base.load()
        tests = dict(data.tests)
        for name, split in ((name, split) for shift in shifts for name, split in shift.load().items()):
            if split.possible is not None:
                tests[f"id/{name}"] = among(data.tests["test"], split.possible)
            tests[f"ood/{name}"] = split
        return replace(data, tests=tests)

    again = sum(counts[label] for shift in shifts for label in shift.possible or ())
    return replace(
        base,
        fingerprint=digest([base.fingerprint, *(shift.identity for shift in shifts)]),
        load=load,
        test_images=base.test_images + sum(shift.images for shift in shifts) + again,
        exactness=wholeness(base.exactness, {shift.name: (shift.images, shift.published) for shift in shifts}),
    )


def wholeness(exactness: str, held: Mapping[str, tuple[int, int]]) -> str:
    """`exactness` if every set is whole, otherwise which are not; `held` gives (images, images as published)."""
    partial = {name: pair for name, pair in held.items() if pair[0] != pair[1]}
    if not partial:
        return exactness
    count, whole = (sum(pair[at] for pair in partial.values()) for at in (0, 1))
    lack = f"{count:,} images where {whole:,} were published ({', '.join(partial)})"
    return lack if exactness == "exact" else f"{exactness}; {lack}"


def among(test: Split, possible: frozenset[int]) -> Split:
    """The images of some classes alone. Only these classes can be answered."""
    chosen = np.flatnonzero(np.isin(test.labels, sorted(possible)))
    return Split(Subset(test.images, chosen.tolist()), test.labels[chosen], test.classes, possible=possible)


def array(path: Path, *shape: int) -> np.ndarray:
    """The rows of an .npy file, read from disk when they are used; `shape` is that of a row, empty for labels.

    Raises UserError if the file is damaged or cut off, or does not hold uint8 rows of that shape, or integer labels.
    """
    try:
        rows: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} is not a whole array ({error}); download it again") from error
    if rows.shape[1:] != shape or rows.dtype.kind not in "ui" or (shape and rows.dtype != np.uint8):
        raise UserError(
            f"{path} holds {rows.dtype} {rows.shape} where rows of {shape or 'labels'} should be; get the original"
        )
    return rows


def labels_in(path: Path, classes: int) -> np.ndarray:
    """The labels in an .npy file, int64 (n,). Raises UserError if there are none, or one is not in 0..classes-1."""
    labels = np.asarray(array(path), np.int64)
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{path} has a label outside 0..{classes - 1}, or none; get the original")
    return labels
