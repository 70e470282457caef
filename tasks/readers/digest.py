"""Fingerprints: short digests of everything that decides the images, their labels and their order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from tasks.readers.files import Files, FolderFiles

WHOLE = 64 << 20  # bytes up to which a single file is read in full
LOOSE = 256 << 20  # bytes of loose files that are read in full
BLOCKS, BLOCK = 256, 1 << 16  # a larger file is sampled: so many blocks of so many bytes, spread evenly over it


def digest(parts: Iterable[object]) -> str:
    """BLAKE2b digest of the text of some parts, in order: 32 hexadecimal digits."""
    state = blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode("utf-8", "surrogateescape")  # a file name need not be valid Unicode
        state.update(len(text).to_bytes(8, "little"))
        state.update(text)
    return state.hexdigest()


def files_digest(chosen: Sequence[tuple[Files, str, str]]) -> str:
    """Digest of some files, in order: (where it lies, its name there, a text that is hashed with it).

    Contents enter by CRC-32 and size. An archive states both. Loose files are read for it, up to 256 MiB together;
    above that they enter by size alone, and the same images then have another digest in a folder than in a zip.
    """
    loose = sum(files.size(name) for files, name, _ in chosen if isinstance(files, FolderFiles))
    return digest(
        f"{text} {files.size(name) if loose > LOOSE and isinstance(files, FolderFiles) else files.mark(name)}"
        for files, name, text in chosen
    )


def file_digest(path: Path) -> str:
    """Digest of a file's size and contents. Above 64 MiB, contents are sampled: 256 blocks of 64 KiB.

    Sampling tells copies, versions and broken downloads apart without reading gigabytes before every run.
    """
    state = blake2b(digest_size=16)
    size = path.stat().st_size
    state.update(size.to_bytes(8, "little"))
    with path.open("rb", buffering=0) as file:
        if size <= WHOLE:
            state.update(file.read())
        else:
            for block in range(BLOCKS):
                file.seek((size - BLOCK) * block // (BLOCKS - 1), os.SEEK_SET)
                state.update(file.read(BLOCK))
    return state.hexdigest()
