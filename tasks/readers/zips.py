"""The files in a zip, read in place and from any thread by Python's `zipfile`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from lzma import LZMAError
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from bench.images.listing import visible
from bench.spec import UserError
from tasks.readers.files import mark, safe


class ZipFiles:
    """The files in a zip.

    Raises UserError for a zip that is damaged, half downloaded, or has members that point outside of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise UserError(
                f"{path} is not a whole zip file ({error}); it may be damaged or half downloaded: download it again"
            ) from error
        self._members = {safe(member.filename, path): member for member in self._zip.infolist()}

    def names(self) -> list[str]:
        """Every file, sorted, without hidden files and those of tools."""
        return sorted(name for name in self._members if visible(name) and not name.endswith("/"))

    def hold(self, names: Iterable[str]) -> None:
        """Does nothing: a zip is read in place."""

    def read(self, name: str) -> bytes:
        """Contents of one file. Raises UserError if it is missing, damaged, encrypted or packed in an unusual way."""
        if name not in self._members:
            raise UserError(f"{self.path} has no file {name}; download it again")
        try:
            return self._zip.read(self._members[name])
        except (BadZipFile, OSError, EOFError, zlib.error, LZMAError) as error:
            raise UserError(f"{self.where(name)} is damaged; download the zip again ({error})") from error
        except (NotImplementedError, RuntimeError) as error:  # what zipfile raises for these two
            raise UserError(f"{self.where(name)} is encrypted or packed in an unusual way; unpack the zip") from error

    def size(self, name: str) -> int:
        """Bytes of one file's contents."""
        return self._members[name].file_size

    def mark(self, name: str) -> str:
        """CRC-32 and size of one file, as the zip's directory states them."""
        return mark(self._members[name].CRC, self._members[name].file_size)

    def where(self, name: str) -> str:
        """How messages name a file."""
        return f"{name} in {self.path}"
