"""Named files: what readers ask of a folder or an archive, and how a folder answers."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from bench.images.listing import walk
from bench.spec import UserError


class Files(Protocol):
    """Files that are known by their names relative to a folder or an archive, with `/` between the parts."""

    path: Path

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files and those of tools. Raises UserError if they cannot be listed."""
        ...

    def hold(self, names: Iterable[str]) -> None:
        """Announces which files will be read. A tar takes them into memory, in one pass; others do nothing."""
        ...

    def read(self, name: str) -> bytes:
        """Contents of one file, from any thread. Raises UserError if it is missing or damaged."""
        ...

    def size(self, name: str) -> int:
        """Bytes of one file's contents. Raises UserError if it is missing."""
        ...

    def mark(self, name: str) -> str:
        """CRC-32 and size of one file: the same in a folder and in an archive."""
        ...

    def where(self, name: str) -> str:
        """How messages name a file."""
        ...


class FolderFiles:
    """The files below a folder. Links to folders are followed; each folder is listed once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dangling: list[str] = []  # links to nothing that the last listing met

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files. Raises UserError if a folder cannot be listed."""
        self.dangling = []
        return sorted(walk(self.path, "", set(), self.dangling))

    def hold(self, names: Iterable[str]) -> None:
        """Does nothing: a folder is read in place."""

    def read(self, name: str) -> bytes:
        """Contents of one file. Raises UserError if the system does not let it be read."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise unreadable(self.where(name), error) from error

    def size(self, name: str) -> int:
        """Bytes of one file's contents. Raises UserError if it is missing."""
        try:
            return os.stat(f"{self.path}/{name}").st_size  # noqa: PTH116  (twice as fast, for 100,000s of images)
        except OSError as error:
            raise unreadable(self.where(name), error) from error

    def mark(self, name: str) -> str:
        """CRC-32 and size of one file, for which the whole file is read."""
        blob = self.read(name)
        return mark(zlib.crc32(blob), len(blob))

    def where(self, name: str) -> str:
        """The whole path of a file, for messages."""
        return str(self.path / name)


def unreadable(where: str, error: OSError) -> UserError:
    """The error for a file that the system does not let be read."""
    return UserError(f"{where} cannot be read ({error.strerror}); put it back, or mend its permissions")


def text(files: Files, name: str) -> str:
    """Contents of a text file. Raises UserError if it is missing or is not text."""
    return decoded(files.read(name), files.where(name))


def decoded(blob: bytes, where: str) -> str:
    """Bytes as UTF-8 text. Raises UserError, naming `where` they are from, if they are not text."""
    try:
        return blob.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not a text file; get it again") from error


def mark(crc: int, size: int) -> str:
    """CRC-32 and size in bytes, as text: it tells contents apart, and an archive's directory states both."""
    return f"{crc:08x}/{size}"


def safe(name: str, path: Path) -> str:
    """The name of a member of an archive, or of a list, with `/` between its parts.

    Raises UserError if it points outside of the archive or folder at `path`.
    """
    clean = name.replace("\\", "/").removeprefix("./")
    if clean.startswith("/") or clean[1:2] == ":" or ".." in clean.split("/"):
        raise UserError(f"{path} has a member {name!r} that points outside of it; get the archive from its authors")
    return clean
