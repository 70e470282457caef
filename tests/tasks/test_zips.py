"""The zip reader against Python's own writer: large zips, packed and plain members, and damaged ones."""

from __future__ import annotations

import zipfile
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


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
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


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_packing_is_named(tmp_path: Path, method: int) -> None:
    files = ZipFiles(write(tmp_path / "x.zip", method))
    with pytest.raises(
        UserError, match=r"one\.txt in .*x\.zip is encrypted or packed in an unusual way; unpack the zip"
    ):
        files.read("a/one.txt")


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_cut_off_zip_is_named(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "x.zip")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"x\.zip is not a whole zip file .* download it again"):
        ZipFiles(path).read("a/one.txt")


def test_damage_inside_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"oneone", b"onetwo", 1))
    with pytest.raises(UserError, match=r"a/one\.txt in .*x\.zip is damaged; download the zip again"):
        ZipFiles(path).read("a/one.txt")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "C:/x", "..\\x"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(UserError, match="points outside of it"):
        ZipFiles(tmp_path / "x.zip")
