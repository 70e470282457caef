"""Named files: what readers ask of a folder or an archive, and how a folder answers."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from bench.spec import UserError


class Files(Protocol):
    """Files that are known by their names relative to a folder or an archive, with `/` between the parts."""

    path: Path

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files and what macOS adds. Raises UserError if they cannot be listed."""
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

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files. Raises UserError if a folder cannot be listed."""
        return sorted(walk(self.path, "", set()))

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


def walk(folder: Path | str, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Relative names of the visible files below a folder. Raises UserError if a folder cannot be listed.

    `seen` holds the folders that were listed already, by device and inode, so that a link in a circle ends.
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
                    yield from walk(entry.path, f"{prefix}{entry.name}/", seen)
                elif entry.is_file():
                    yield prefix + entry.name
    except OSError as error:
        raise UserError(f"{folder} cannot be listed ({error.strerror}); mend its permissions") from error


def visible(name: str) -> bool:
    """False for hidden files, and for what macOS puts beside the contents of a zip."""
    return not (name.startswith(".") or "/." in name or "__MACOSX" in name)


def safe(name: str, path: Path) -> str:
    """The name of a member of an archive, or of a list, with `/` between its parts.

    Raises UserError if it points outside of the archive or folder at `path`.
    """
    clean = name.replace("\\", "/").removeprefix("./")
    if clean.startswith("/") or clean[1:2] == ":" or ".." in clean.split("/"):
        raise UserError(f"{path} has a member {name!r} that points outside of it; get the archive from its authors")
    return clean
