"""Downloads all files of a data set. A file has its final name only once it is whole and checked."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from bench.images.transfer import part, reachable, transfer, transfer_bar
from bench.images.unpack import unpack
from bench.source import Download
from bench.spec import UserError

SPARE = 256 << 20  # bytes that are left free on the disk
UNPACKED = {"": 1.0, "gz": 2.2, "tar": 2.2}  # space that a file needs in the end, over the size of its download


def fetch(downloads: Sequence[Download], folder: Path) -> None:
    """Puts every file into `folder`. Files that are there are skipped, and those that were begun are resumed.

    Raises UserError if there is no room, no network, or a file is not what its checksum says.
    """
    todo = prepare(downloads, folder)
    if not todo:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror}); name another place with --data") from error
    with transfer_bar() as bar:
        for each in todo:
            if not (folder / each.name).exists():
                partial = transfer(each, folder, bar)
                check(each, partial)
                partial.rename(folder / each.name)
            unpack(folder / each.name, each.unpack)
            print(f"{folder / each.result}: whole", file=sys.stderr)


def prepare(downloads: Sequence[Download], folder: Path) -> list[Download]:
    """The files that are not here yet. Raises UserError if there is no room for them, or no server answers."""
    todo = [each for each in downloads if each.unpack == "tar" or not (folder / each.result).exists()]
    check_room(todo, folder)
    absent = [each for each in todo if not (folder / each.name).exists()]
    if absent:
        reachable(absent[0], folder)
    return todo


def check_room(downloads: Sequence[Download], folder: Path) -> None:
    """Raises UserError if the disk has no room for some files."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    begun = sum(path.stat().st_size for each in downloads if (path := part(each, folder)).exists())
    needed = sum(int(each.size * UNPACKED[each.unpack]) for each in downloads) - begun + SPARE
    free = shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"{folder} needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; make room, or name another disk "
            "with --data"
        )


def check(download: Download, path: Path) -> None:
    """Raises UserError, and removes the file, if it is not what its checksum says."""
    if not download.checksum:
        check_zip(download, path)
        return
    kind, _, expected = download.checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != expected:
        path.unlink()
        raise UserError(
            f"{download.url} gave a file whose {kind} is {found} instead of {expected}; run again, and if it stays so "
            "the file at that address has changed"
        )


def check_zip(download: Download, path: Path) -> None:
    """The same for a zip without a published checksum, by the CRC-32 that it holds of each member."""
    try:
        with ZipFile(path) as archive:
            damaged = archive.testzip()
    except BadZipFile as error:
        damaged = str(error)
    if damaged is not None:
        path.unlink()
        raise UserError(f"{download.url} gave a damaged zip ({damaged}); run again")
