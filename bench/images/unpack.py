"""Unpacks a downloaded archive of a kind that is not read packed, and removes it once all of it is there."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import Literal

from bench.spec import UserError

BLOCK = 1 << 18  # bytes unpacked at once
Kind = Literal["", "gz", "tar"]  # "" is read packed


def unpack(archive: Path, kind: Kind) -> None:
    """Puts what is in an archive beside it; whatever is interrupted is unpacked again.

    Raises UserError when it is damaged, as one may be that was put there by hand, and when there is no room.
    """
    if not kind:
        return
    try:
        (unpack_gz if kind == "gz" else unpack_tar)(archive)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{archive} cannot be unpacked ({why}); remove it, or make room, and run again") from error
    archive.unlink()


def unpack_gz(archive: Path) -> None:
    partial = archive.with_suffix(".part")
    with gzip.open(archive) as packed, partial.open("wb") as file:
        shutil.copyfileobj(packed, file, BLOCK)
    partial.rename(archive.with_suffix(""))


def unpack_tar(archive: Path) -> None:
    partial = archive.with_name(f".{archive.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(archive) as members:
        members.extractall(partial, filter="data")
    for path in partial.iterdir():
        path.replace(archive.with_name(path.name))
    partial.rmdir()
