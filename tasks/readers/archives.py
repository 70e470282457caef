"""A data set as a folder or as the archive it was unpacked from: which one is there, and how it is identified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.spec import UserError
from tasks.readers.digest import digest, file_digest, files_digest
from tasks.readers.files import Files, FolderFiles
from tasks.readers.locate import locate
from tasks.readers.tars import TarFiles
from tasks.readers.zips import ZipFiles


def folder_or_archive(data: Path, known: str, archives: Sequence[str]) -> Files | None:
    """The folder that holds a known file such as `labels/train1.txt`, or one of the archives; None without either.

    A zip serves as well as a folder, so the one that lies less deep is taken. A tar is only taken without a folder.
    """
    found = locate(data, [known, *(name for name in archives if name.endswith(".zip"))]) or locate(data, archives)
    if found is None:
        return None
    return opened(found) if found.name in archives else FolderFiles(found.parents[known.count("/")])


def opened(archive: Path) -> Files:
    """The files of a zip or tar. Raises UserError for a zip that is not whole."""
    return ZipFiles(archive) if archive.suffix == ".zip" else TarFiles(archive)


def root(files: Files, known: str) -> str:
    """What comes before the name of a known file. Raises UserError if the file is not there."""
    if isinstance(files, FolderFiles) and (files.path / known).exists():
        return ""
    for name in files.names():
        if name == known or name.endswith("/" + known):
            return name.removesuffix(known)
    raise UserError(f"{files.path} has no {known}; download it again")


def identity(*copies: Files | Path) -> str:
    """Digest of what a data set consists of: files and tars by their bytes, folders and zips by names and contents."""
    return digest(
        file_digest(copy if isinstance(copy, Path) else copy.path)
        if isinstance(copy, Path | TarFiles)
        else files_digest([(copy, name, name) for name in copy.names()])
        for copy in copies
    )
