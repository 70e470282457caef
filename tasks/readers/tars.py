"""The files in a tar, compressed or not: the files that are wanted are taken into memory in one pass."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from bench.images.listing import visible
from bench.spec import UserError
from tasks.readers.files import mark, safe

HELD = 4 << 30  # bytes of images that may be held in memory
TEXTS = (".txt", ".csv", ".list")  # list files are kept when the tar is first listed
BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


class TarFiles:
    """The files in a tar, compressed or not.

    Contents decide how it is compressed, as some files called .tar.gz are not. `inner` returns the bytes of a tar that
    lies inside another archive. Every method raises UserError for a tar that is damaged, half downloaded, or has
    members that point outside of it.
    """

    def __init__(self, path: Path, inner: Callable[[], bytes] | None = None) -> None:
        self.path = path
        self._inner = inner
        self._held: dict[str, bytes] = {}

    @cached_property
    def _sizes(self) -> dict[str, int]:
        sizes = {}
        with self._archive() as archive:
            for name, member in files(archive, self.path):
                sizes[name] = member.size
                if name.endswith(TEXTS):
                    self._held[name] = contents(archive, member)
        return sizes

    @contextmanager
    def _archive(self) -> Iterator[tarfile.TarFile]:
        """The tar, to be read once from its beginning to its end."""
        try:
            with self._open() as file, tarfile.open(fileobj=file, mode="r|*") as archive:
                yield archive
        except BROKEN as error:
            raise UserError(
                f"{self.path} is not a whole tar file ({error}); it may be damaged or cut off: download it again"
            ) from error

    def _open(self) -> BinaryIO:
        return BytesIO(self._inner()) if self._inner else self.path.open("rb")

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files and those of tools."""
        return sorted(filter(visible, self._sizes))

    def hold(self, names: Iterable[str]) -> None:
        """Takes files into memory, in one pass. Raises UserError if they are larger than 4 GiB together."""
        wanted = set(names) - self._held.keys()
        if sum(self._sizes.get(name, 0) for name in wanted) > HELD:
            raise UserError(f"{self.path} is too large to be read packed; unpack it with `tar -xf` in its folder")
        if not wanted:
            return
        with self._archive() as archive:
            for name, member in files(archive, self.path):
                if name in wanted:
                    self._held[name] = contents(archive, member)

    def read(self, name: str) -> bytes:
        """Contents of one file; if it is not held yet, the tar is read once more. Raises UserError if it is missing."""
        if name not in self._sizes:
            raise UserError(f"{self.path} has no file {name}; download it again")
        if name not in self._held:
            self.hold([name])
        return self._held[name]

    def size(self, name: str) -> int:
        """Bytes of one file's contents."""
        return self._sizes[name]

    def mark(self, name: str) -> str:
        """CRC-32 and size of one file, for which it is read."""
        return mark(zlib.crc32(self.read(name)), self.size(name))

    def where(self, name: str) -> str:
        """How messages name a file."""
        return f"{name} in {self.path}"


def files(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The files of a tar in its order. The contents of each have to be taken before the next is asked for."""
    for member in archive:
        if member.isfile():
            yield safe(member.name, path), member


def contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Contents of the file that a tar has just come to."""
    file = archive.extractfile(member)
    return file.read() if file else b""
