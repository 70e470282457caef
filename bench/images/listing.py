"""Which files of a folder are looked at: one rule for all readers and for `predict`, and what is said of the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bench.images.decode import READ
from bench.spec import UserError

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
TOOLS = {
    "@eadir", "#recycle", "#snapshot", "@recycle",  # network drives; @eaDir holds thumbnails of every image
    "__macosx", "__pycache__", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "ehthumbs.db", "desktop.ini",
}  # in lower case; hidden names, such as .DS_Store and .ipynb_checkpoints, need no entry  # fmt: skip


def visible(name: str) -> bool:
    """False for hidden files, and for what systems, network drives and tools put beside images, at any depth."""
    return not any(part.startswith(".") or part.lower() in TOOLS for part in name.split("/"))


def walk(folder: Path | str, prefix: str, seen: set[tuple[int, int]], dangling: list[str]) -> Iterator[str]:
    """Relative names of the visible files below a folder. Raises UserError if a folder cannot be listed.

    `seen` holds the folders that were listed already, by device and inode, so that a link in a circle ends. Links to
    nothing are added to `dangling`.
    """
    try:
        here = Path(folder).stat()
        if (here.st_dev, here.st_ino) in seen:
            return
        seen.add((here.st_dev, here.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if not visible(entry.name):
                    continue
                if entry.is_dir():
                    yield from walk(entry.path, f"{prefix}{entry.name}/", seen, dangling)
                elif entry.is_file():
                    yield prefix + entry.name
                elif entry.is_symlink():
                    dangling.append(prefix + entry.name)
    except OSError as error:
        raise UserError(f"{printable(folder)} cannot be listed ({error.strerror}); mend its permissions") from error


def is_image(name: str) -> bool:
    """Whether a name ends as those of images do that are read."""
    return name.lower().endswith(READ)


def images_of(names: Sequence[str], dangling: Sequence[str], place: Path) -> list[str]:
    """The names of images among those of files. How many others there are, and why, is said once on stderr.

    Raises UserError for an image whose name is not UTF-8.
    """
    found = [name for name in names if is_image(name)]
    for name in found:
        if not encodable(name):
            raise UserError(f"the name of {printable(place / name)} is not UTF-8; rename it, or its folder")
    said = left_out([name for name in names if not is_image(name)], dangling)
    if said:
        warn(f"of {printable(place)} were not read: {said}")
    return found


def left_out(others: Sequence[str], dangling: Sequence[str]) -> str:
    """What was not read and why: `2 links to nothing (the first is a/1.jpg), 1 video (b/2.mp4), 3 .npy files (…)`."""
    kinds: dict[str, list[str]] = {}
    for name in dangling:
        kinds.setdefault("link{} to nothing", []).append(name)
    for name in others:
        ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  (100,000s of names)
        kind = "video{}" if ending in VIDEOS else f"{ending} file{{}}" if ending else "file{} without an ending"
        kinds.setdefault(kind, []).append(name)
    return ", ".join(counted(kind, names) for kind, names in kinds.items())


def counted(kind: str, names: Sequence[str]) -> str:
    """How many files of a kind there are, with the first of them; `{}` in the kind is for the plural's s."""
    one = len(names) == 1
    first = printable(names[0])
    return f"{len(names):,} {kind.format('' if one else 's')} ({first if one else f'the first is {first}'})"


@cache
def warn(sentence: str) -> None:
    """Prints a warning on stderr, the same one once."""
    print(f"warning: {sentence}", file=sys.stderr)


def encodable(name: str) -> bool:
    """Whether a name is valid Unicode; names that are not UTF-8 on disk have surrogates in Python."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: Path | str) -> str:
    r"""A name as messages show it: bytes that are not UTF-8 as `\udce9`."""
    return str(name).encode("utf-8", "backslashreplace").decode()
