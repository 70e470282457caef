"""Fingerprints: short digests of what decides the images, the labels and their order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from tasks.readers.files import Files, FolderFiles

WHOLE = 64 << 20  # bytes up to which a single file is read in full
LOOSE = 256 << 20  # bytes of loose files that are read in full
BLOCKS, BLOCK = 256, 1 << 16  # how a larger one is sampled: blocks evenly spread, the first and the last among them


def digest(parts: Iterable[object]) -> str:
    """Digest of the text of some parts, in order; 32 hexadecimal digits."""
    state = blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode("utf-8", "surrogateescape")  # a file name need not be valid Unicode
        state.update(len(text).to_bytes(8, "little"))
        state.update(text)
    return state.hexdigest()


def files_digest(chosen: Sequence[tuple[Files, str, str]]) -> str:
    """Digest of some files, in order, each with a text of its own.

    Contents are told by CRC-32 and size, which an archive states; of more than 256 MiB of loose files by size alone,
    and the same images then have one digest in a zip and another in a folder.
    """
    loose = sum(files.size(name) for files, name, _ in chosen if isinstance(files, FolderFiles))
    return digest(
        f"{text} {files.size(name) if loose > LOOSE and isinstance(files, FolderFiles) else files.mark(name)}"
        for files, name, text in chosen
    )


def file_digest(path: Path) -> str:
    """Digest of a file's size and contents; above 64 MiB of its size and 256 blocks of 64 KiB spread over it.

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
