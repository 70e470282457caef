"""Shifted test sets that were found on disk, and how they join the source that is adapted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.spec import Data, Found, Split, UserError
from tasks.readers.digest import digest
from tasks.readers.pixels import Selection


@dataclass(frozen=True)
class Shift:
    """A shifted test set that was found: identified, not yet opened."""

    name: str
    identity: str  # digest of its contents
    images: int
    published: int  # images of the whole set
    load: Callable[[], Mapping[str, Split]]  # by what follows `ood/` in its name; several where it comes in parts
    possible: frozenset[int] | None = None  # its classes, where they are not all


def joined(base: Found, shifts: Sequence[Shift], counts: Sequence[int]) -> Found:
    """A source together with the shifted test sets that its methods are judged on too.

    Where one of them has fewer classes, those images of the source's own test set that are of these classes make
    another, `id/<name>`, so that what is compared differs in nothing but the shift. `counts` says how many images of
    each class the source's own test set has.
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
    """`exactness`, or what it lacks: which of some sets have another number of images, (images, as published)."""
    partial = {name: pair for name, pair in held.items() if pair[0] != pair[1]}
    if not partial:
        return exactness
    count, whole = (sum(pair[at] for pair in partial.values()) for at in (0, 1))
    lack = f"{count:,} images where {whole:,} were published ({', '.join(partial)})"
    return lack if exactness == "exact" else f"{exactness}; {lack}"


def among(test: Split, possible: frozenset[int]) -> Split:
    """The images of some classes alone, judged among these."""
    chosen = np.flatnonzero(np.isin(test.labels, sorted(possible)))
    images = Selection([test.images], [(0, int(at)) for at in chosen])
    return Split(images, test.labels[chosen], test.classes, possible=possible)


def array(path: Path, *shape: int) -> np.ndarray:
    """The rows of an .npy file, read where they are looked at; `shape` is that of a row.

    Raises UserError for a file that is damaged, cut off, or holds something else than numbers of that shape.
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


def labelled(path: Path, classes: int) -> np.ndarray:
    """The labels in an .npy file, int64 (n,). Raises UserError for one that is not in 0..classes-1."""
    labels = np.asarray(array(path), np.int64)
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{path} has a label outside 0..{classes - 1}, or none; get the original")
    return labels
