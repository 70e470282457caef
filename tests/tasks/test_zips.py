"""The zip reader: large zips, packed and plain members, damaged ones, and many threads."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.spec import UserError
from tasks.readers.zips import ZipFiles

CONTENTS = {
    "a/one.txt": b"one" * 50,
    "a/zwei \u00e4.txt": b"2" * 9,
    "b/empty": b"",
    "b/.hidden": b"x",
    "__MACOSX/a/one.txt": b"y",
}


def write(path: Path, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("a")
        archive.comment = comment
        for name, blob in CONTENTS.items():
            archive.writestr(name, blob)
    return path


def check(path: Path) -> None:
    files = ZipFiles(path)
    assert files.names() == ["a/one.txt", "a/zwei \u00e4.txt", "b/empty"]
    for name in files.names():
        assert (files.read(name), files.size(name)) == (CONTENTS[name], len(CONTENTS[name]))
        with zipfile.ZipFile(path) as archive:
            assert files.mark(name) == f"{archive.getinfo(name).CRC:08x}/{len(CONTENTS[name])}"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_and_plain_members(tmp_path: Path, method: int) -> None:
    check(write(tmp_path / "x.zip", method))


def test_a_comment_and_bytes_before_the_zip(tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", comment=b"about this zip")
    path.write_bytes(b"#!/bin/sh\n" * 7 + path.read_bytes())
    check(path)


def test_sizes_and_places_beyond_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 5)  # makes the writer use the wide fields
    path = write(tmp_path / "x.zip")
    assert b"PK\6\6" in path.read_bytes()
    check(path)


def test_more_files_than_16_bits_can_count(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(0x10000 + 5):
            archive.writestr(f"{number:06}", b"")
    assert len(ZipFiles(tmp_path / "x.zip").names()) == 0x10000 + 5


@pytest.mark.parametrize(("place", "value"), [(8, 0x1), (10, 9)])  # encrypted; Deflate64
def test_an_unusual_packing_is_named(tmp_path: Path, place: int, value: int) -> None:
    path = write(tmp_path / "x.zip")
    blob = bytearray(path.read_bytes())
    blob[blob.index(b"PK\1\2", blob.index(b"PK\1\2") + 4) + place] = value  # in the directory's entry of a/one.txt
    path.write_bytes(blob)
    with pytest.raises(
        UserError, match=r"one\.txt in .*x\.zip is encrypted or packed in an unusual way; unpack the zip"
    ):
        ZipFiles(path).read("a/one.txt")


def test_backslashes_part_folders_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a\\b\\one.txt", b"one")
    files = ZipFiles(tmp_path / "x.zip")
    assert files.names() == ["a/b/one.txt"] and files.read("a/b/one.txt") == b"one"


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    blobs = {f"{number:03}": bytes([number % 256]) * 5000 for number in range(300)}
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in blobs.items():
            archive.writestr(name, blob)
    files = ZipFiles(tmp_path / "x.zip")
    with ThreadPoolExecutor(8) as pool:
        assert dict(zip(blobs, pool.map(files.read, blobs), strict=True)) == blobs


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_cut_off_zip_is_named(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "x.zip")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"x\.zip is not a whole zip file .* download it again"):
        ZipFiles(path).read("a/one.txt")


@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        (zipfile.ZIP_STORED, b"oneone", b"onetwo"),  # contents
        (zipfile.ZIP_DEFLATED, b"a/one.txt\xcb", b"a/one.txt\xff"),  # the packed stream
        (zipfile.ZIP_DEFLATED, b"PK\3\4", b"PK\3\5"),  # headers
    ],
)
def test_damage_inside_is_named(tmp_path: Path, method: int, before: bytes, after: bytes) -> None:
    path = write(tmp_path / "x.zip", method)
    assert before in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(before, after))
    with pytest.raises(UserError, match=r"a/one\.txt in .*x\.zip is damaged; download the zip again"):
        ZipFiles(path).read("a/one.txt")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "C:/x", "..\\x"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(UserError, match="points outside of it"):
        ZipFiles(tmp_path / "x.zip")
