"""Images that a table lists with their labels, as an image folder: paths found and doubles judged."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from bench.images.decode import READ
from bench.images.listing import encodable, printable, warn
from bench.spec import UserError
from tasks.readers.layout import Picture, one_spelling
from tasks.readers.table import Row

PLACES = ("", "images/", "imgs/", "train/")  # where images lie whose paths a table does not state in full


def pictures_of(root: Path, table: Path, rows: Sequence[Row]) -> list[Picture]:
    """The images that a table in a folder lists, as pictures named relative to the folder.

    A path that is listed twice alike is taken once, with a warning. Raises UserError for files that are missing, and
    for a path of two labels or of two parts.
    """
    prefix, ending = form(root, rows)
    names = [relative(f"{prefix}{row.image}{ending}", root) for row in rows]
    missing = [name for name in names if not encodable(name) or not os.path.isfile(f"{root}/{name}")]  # noqa: PTH113
    if missing:
        raise UserError(
            f"{table} lists {len(missing):,} of {len(names):,} images that are not there, the first is "
            f"{printable(root / missing[0])}; put them in place, or remove their lines"
        )
    unlike = [name for name in names if not name.lower().endswith(READ)]
    if unlike:
        raise UserError(f"{table} lists {unlike[0]!r}, which is not read; images end in {', '.join(READ)}")
    once: dict[str, Row] = {}
    for name, row in zip(names, rows, strict=True):
        other = once.setdefault(name, row)
        if other.label != row.label or other.part != row.part:
            what = f"labels, {other.label!r} and {row.label!r}" if other.label != row.label else "parts"
            raise UserError(f"{table} lists {name!r} with two {what}; leave one of its lines")
    if len(once) < len(names):
        warn(f"{table} lists {len(names) - len(once):,} images more than once; each is taken once")
    plain = [Picture(name, row.label, row.part, key(name, row.label)) for name, row in once.items()]
    return one_spelling(plain)[0]


def form(root: Path, rows: Sequence[Row]) -> tuple[str, str]:
    """What stands before and after the paths of a table: a folder and an ending, as the first image is found."""
    for prefix, ending in product(PLACES, ("", *READ)):
        if os.path.isfile(f"{root}/{prefix}{rows[0].image}{ending}"):  # noqa: PTH113
            return prefix, ending
    return "", ""


def relative(name: str, root: Path) -> str:
    """A path relative to a folder, with `/` between its parts."""
    path = os.path.relpath(name, root.absolute()) if os.path.isabs(name) else os.path.normpath(name)  # noqa: PTH117
    return Path(path).as_posix()


def key(name: str, label: str) -> str:
    """`<class>/<image>`, as a folder of classes would have it: what follows the class's folder, where there is one."""
    parts = name.split("/")
    at = parts.index(label) + 1 if label in parts[:-1] else len(parts) - 1 if ".." in parts else 0
    return unicodedata.normalize("NFC", "/".join([label, *parts[at:]]))
