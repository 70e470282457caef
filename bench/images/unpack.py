"""Unpacks a downloaded archive that cannot be read packed, and removes it once all of it is there."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path

from bench.source import Packing
from bench.spec import UserError

BLOCK = 1 << 18  # bytes unpacked at once


def unpack(archive: Path, kind: Packing) -> None:
    """Puts what is in an archive beside it. If this is interrupted, the whole archive is unpacked again.

    Raises UserError if the archive is damaged, or there is no room.
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
    """Unpacks one file, which has the archive's name without `.gz`."""
    partial = archive.with_suffix(".part")
    with gzip.open(archive) as packed, partial.open("wb") as file:
        shutil.copyfileobj(packed, file, BLOCK)
    partial.rename(archive.with_suffix(""))


def unpack_tar(archive: Path) -> None:
    """Unpacks all members of a tar, through a hidden folder beside it."""
    partial = archive.with_name(f".{archive.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(archive) as members:
        members.extractall(partial, filter="data")
    for path in partial.iterdir():
        path.replace(archive.with_name(path.name))
    partial.rmdir()
