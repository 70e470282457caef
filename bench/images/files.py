"""Image files that are named one by one or by their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.images.decode import READ
from bench.images.listing import images_of, walk
from bench.spec import UserError


def image_files(words: Sequence[Path]) -> list[Path]:
    """The files named, and all image files below the folders named, as tasks list them.

    Raises UserError when there are none.
    """
    found: list[Path] = []
    for path in words:
        if path.is_dir():
            dangling: list[str] = []
            names = images_of(sorted(walk(path, "", set(), dangling)), dangling, path)
            if not names:
                raise UserError(f"{path} has no images; they end in {', '.join(READ)}")
            found += sorted(path / name for name in names)
        elif path.exists():
            found.append(path)
        else:
            raise UserError(f"there is no image {path}; name files, or folders of them")
    if not found:
        raise UserError("no image was named; write `predict DIR IMAGES`, files or folders of them")
    return found
