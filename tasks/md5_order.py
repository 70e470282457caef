"""The order in which tensorflow-datasets keeps the images of a split, and the slices that VTAB-1k cuts out of it.

tensorflow-datasets sorts the examples of a split by the md5 digest of the split's name followed by the example's key
(`core/hashing.py` and `core/shuffle.py`, 4.9.10). So the names in any copy give the exact 1,000 images, with the
standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import md5

Key = str | int
PART = re.compile(r"(?P<split>\w+)(?:\[(?P<start>\d+%?)?:(?P<stop>\d+%?)?\])?")


def md5_order(salt: str, keys: Iterable[Key]) -> list[int]:
    """Positions of `keys` in the order of the md5 digests of `salt` followed by the key; `salt` is a split's name."""
    seeded = md5(salt.encode(), usedforsecurity=False)
    digests = []
    for key in keys:
        state = seeded.copy()
        state.update(str(key).encode())
        digests.append(state.digest())
    return sorted(range(len(digests)), key=digests.__getitem__)


def spans(expression: str, sizes: Mapping[str, int]) -> list[tuple[str, range]]:
    """The (split, positions) that an expression such as `train[:800]+test[50%:]` stands for.

    `sizes` gives the number of images of each split. Percentages are rounded to the nearest position, as
    tensorflow-datasets does. Raises ValueError for another form of expression, KeyError for an unknown split.
    """
    return [span(part.strip(), sizes) for part in expression.split("+")]


def span(part: str, sizes: Mapping[str, int]) -> tuple[str, range]:
    """The (split, positions) of one term of an expression. Raises ValueError and KeyError as `spans` does."""
    match = PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is not a split such as 'train', 'train[:800]' or 'test[50%:]'")
    size = sizes[match["split"]]
    start, stop = position(match["start"] or "0", size), position(match["stop"] or "100%", size)
    return match["split"], range(size)[start:stop]


def position(text: str, size: int) -> int:
    """A boundary as a number of images: `800` as it stands, `50%` as a share of `size`."""
    return round(int(text[:-1]) * size / 100) if text.endswith("%") else int(text)
