"""The folder of the disk caches: where it is, how large it may grow, and which files are removed first.

It is $HEAD2HEAD_CACHE (`off`: none), else $XDG_CACHE_HOME/head2head, else ~/.cache/head2head. All files together take
at most $HEAD2HEAD_CACHE_GB gigabytes. By default that is half of what the disk would have free without them.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from functools import cache
from pathlib import Path

from bench.spec import UserError

SHARE = 0.5  # of the disk's room, counted without the cache's own files so that the limit stays as they grow
SPARE = 1 << 30  # bytes that are left free on the disk
DAY = 24 * 3600
SUFFIX, PARTIAL = ".safetensors", ".part"
FORGOTTEN = {SUFFIX: 30 * DAY, PARTIAL: DAY}  # seconds after which a file that nobody used or wrote to makes room


def home() -> Path | None:
    """The cache's folder; None when it is switched off."""
    chosen = os.environ.get("HEAD2HEAD_CACHE")
    if chosen is not None:
        return None if chosen.lower() in ("", "off", "0") else Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "head2head"


def fits(path: Path, total: int, what: str) -> bool:
    """Whether a file of `total` bytes may be written; says why not. Files that were not used for long are removed."""
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = {file: file.stat() for file in folder.iterdir() if file.suffix in FORGOTTEN}
        free = shutil.disk_usage(folder).free
    except OSError as error:
        tell(f"{what} are not kept in {folder} ({error.strerror}); name another place in HEAD2HEAD_CACHE")
        return False
    used = sum(state.st_size for state in files.values())
    limit = limit_bytes(free + used)
    for file, state in files.items():
        if time.time() - state.st_mtime > FORGOTTEN[file.suffix]:
            file.unlink(missing_ok=True)
            used -= state.st_size
    if used + total <= limit and total + SPARE <= free:
        return True
    tell(
        f"{total / 1e9:.1f} GB of {what} are not kept: {folder} has {used / 1e9:.1f} of at most "
        f"{limit / 1e9:.1f} GB, and {free / 1e9:.1f} GB of the disk are free; empty it, or set HEAD2HEAD_CACHE_GB or "
        "HEAD2HEAD_CACHE"
    )
    return False


def limit_bytes(room: int) -> float:
    """Bytes that all files may take together on a disk with so many bytes for them and all else.

    Raises UserError when HEAD2HEAD_CACHE_GB is no number.
    """
    text = os.environ.get("HEAD2HEAD_CACHE_GB")
    if not text:
        return SHARE * room
    try:
        return float(text) * 1e9
    except ValueError as error:
        raise UserError(f"HEAD2HEAD_CACHE_GB is {text!r}; write a number of gigabytes, such as 20") from error


@cache
def tell(text: str) -> None:
    """Says something on stderr; the same text only once."""
    print(text, file=sys.stderr)
