"""Named files, wherever they lie: what readers ask of a folder and of an archive, and the folder's answer."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from bench.spec import UserError


class Files(Protocol):
    """Files known by their relative posix names."""

    path: Path

    def names(self) -> list[str]:
        """Every file, sorted; hidden ones and what macOS adds are left out."""
        ...

    def hold(self, names: Iterable[str]) -> None:
        """Told which files will be read, so that an archive that cannot be read in place takes them into memory."""
        ...

    def read(self, name: str) -> bytes:
        """Contents of one file, from any thread. Raises UserError for one that is missing or damaged."""
        ...

    def size(self, name: str) -> int:
        """Bytes of one file's contents."""
        ...

    def mark(self, name: str) -> str:
        """CRC-32 and size of one file, the same whether it lies in a folder or in an archive."""
        ...

    def where(self, name: str) -> str:
        """How messages name a file."""
        ...


class FolderFiles:
    """The files below a folder; links to folders are followed, once each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        return sorted(walk(self.path, "", set()))

    def hold(self, names: Iterable[str]) -> None:
        """Nothing to do: a folder is read in place."""

    def read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise unreadable(self.where(name), error) from error

    def size(self, name: str) -> int:
        try:
            return os.stat(f"{self.path}/{name}").st_size  # noqa: PTH116  (twice as quick, for 100,000s of images)
        except OSError as error:
            raise unreadable(self.where(name), error) from error

    def mark(self, name: str) -> str:
        blob = self.read(name)
        return mark(zlib.crc32(blob), len(blob))

    def where(self, name: str) -> str:
        return str(self.path / name)


def unreadable(where: str, error: OSError) -> UserError:
    """What to say when the system does not let a file be read."""
    return UserError(f"{where} cannot be read ({error.strerror}); put it back, or mend its rights")


def text(files: Files, name: str) -> str:
    """A text file. Raises UserError for one that is missing or is no text."""
    return decoded(files.read(name), files.where(name))


def decoded(blob: bytes, where: str) -> str:
    """Bytes as text. Raises UserError, naming `where` they lie, when they are none."""
    try:
        return blob.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is no text file; get it again") from error


def mark(crc: int, size: int) -> str:
    """What tells a file's contents apart, at no cost in an archive."""
    return f"{crc:08x}/{size}"


def walk(folder: Path | str, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Relative names of the visible files below a folder, each real folder visited once."""
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
        raise UserError(f"{folder} cannot be listed ({error.strerror}); mend its rights") from error


def visible(name: str) -> bool:
    """False for hidden files and for what macOS puts beside the contents of a zip."""
    return not (name.startswith(".") or "/." in name or "__MACOSX" in name)


def safe(name: str, path: Path) -> str:
    """The name of a member. Raises UserError when it points outside of the archive."""
    clean = name.replace("\\", "/").removeprefix("./")
    if clean.startswith("/") or clean[1:2] == ":" or ".." in clean.split("/"):
        raise UserError(f"{path} has a member {name!r} that points outside of it; get the archive from its authors")
    return clean
