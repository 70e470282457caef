"""Prepared images on disk: the same pixels without decoding, and what happens when a file is damaged or has no room."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import methods  # noqa: F401  (registers the methods)
import tasks  # noqa: F401  (registers the tasks)
from bench.images import disk_cache
from bench.images import pixel_cache as cache
from bench.images.pixel_cache import Pages, cached
from bench.images.pixels import batches, pixels
from bench.images.resize import resize, to_size
from bench.registry import METHODS, TASKS
from bench.runs.plan import plan
from bench.spec import BackboneSpec, Data, Found, Images, Split, Subset, UserError
from tests.command_line import make_folder

SIZE = 12


class Counted:
    """Random pixels that count how often they are decoded."""

    def __init__(self, count: int = 10) -> None:
        self.count, self.decoded = count, 0

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        self.decoded += 1
        return np.random.default_rng(index).integers(0, 256, (9 + index % 2, 14, 3), dtype=np.uint8)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path / "cache"))
    disk_cache.tell.cache_clear()
    return tmp_path / "cache"


def found(images: Images, place: Path | None = Path("somewhere"), fingerprint: str = "a1") -> Found:
    data = Data(
        Split(images, np.zeros(len(images), np.int64), 2),
        {"test": Split(Counted(3), np.zeros(3, np.int64), 2)},
    )
    return Found("noise", fingerprint, lambda: data, place=place)


def opened(copy: Found) -> Data:
    return cached(copy).load()


def read(images: Images, size: int = SIZE) -> torch.Tensor:
    return torch.cat([batch.clone() for batch in batches(images, size, 4)])


def expected(count: int = 10, size: int = SIZE) -> torch.Tensor:
    images = Counted(count)
    return torch.stack([resize(images.decode(place), size) for place in range(count)])


def test_images_are_decoded_once(home: Path) -> None:
    images = Counted()
    assert torch.equal(read(opened(found(images)).train.images), expected())
    assert images.decoded == 10
    for batch in (3, 10, 64):
        again = torch.cat(list(batches(opened(found(images)).train.images, SIZE, batch)))
        assert torch.equal(again, expected())
        assert again.is_contiguous()
    assert torch.equal(pixels(opened(found(images)).train.images, SIZE), expected())
    assert images.decoded == 10
    (file,) = home.iterdir()
    assert torch.equal(torch.from_numpy(load_file(file)["images"]), expected())


class Alike(Counted):
    """Random pixels of one stored size, but for the picture of number `other`."""

    def __init__(self, count: int = 10, other: int | None = None) -> None:
        super().__init__(count)
        self.other = other

    def decode(self, index: int) -> np.ndarray:
        self.decoded += 1
        shape = (8, 6, 3) if index == self.other else (6, 8, 3)
        return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)


def resized(images: Counted, size: int = SIZE) -> torch.Tensor:
    return torch.stack([resize(type(images).decode(images, place), size) for place in range(len(images))])


def test_images_of_one_small_size_have_one_file_for_all_larger_networks(home: Path) -> None:
    images = Alike()
    assert read(opened(found(images)).train.images).shape == (10, 3, 6, 8)
    for size in (7, SIZE, 30):
        again = read(opened(found(images)).train.images, size)
        assert again.shape == (10, 3, 6, 8) and torch.equal(to_size(again, size), resized(Alike(), size))
    assert images.decoded == 10
    (file,) = home.iterdir()
    assert load_file(file)["images"].shape == (10, 3, 6, 8)
    assert torch.equal(read(opened(found(images)).train.images, 5), resized(Alike(), 5))  # smaller than stored
    assert images.decoded == 20 and len(list(home.iterdir())) == 2


@pytest.mark.parametrize("other", [0, 3, 4, 9])
def test_a_file_is_enlarged_where_a_later_image_has_another_size(other: int, home: Path) -> None:
    images = Alike(other=other)
    seen = torch.cat([to_size(batch, SIZE) for batch in batches(opened(found(images)).train.images, SIZE, 1)])
    assert torch.equal(seen, resized(Alike(other=other)))
    assert torch.equal(read(opened(found(images)).train.images), seen)
    assert images.decoded == 10
    (file,) = home.iterdir()
    assert torch.equal(torch.from_numpy(load_file(file)["images"]), seen)


def test_a_damaged_image_of_a_small_size_is_decoded(home: Path) -> None:
    images = Alike()
    whole = read(opened(found(images)).train.images)
    (file,) = home.iterdir()
    blob = bytearray(file.read_bytes())
    blob[-4 * 10 - 5] ^= 1  # within the last image
    file.write_bytes(blob)
    assert torch.equal(read(opened(found(images)).train.images), whole)
    assert images.decoded == 11 and not file.exists()


@pytest.mark.parametrize("before", [True, False])
def test_the_next_images_are_read_while_a_batch_is_used(
    before: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, rows, seen = Counted(), Pages.rows, list[int]()
    monkeypatch.setattr(Pages, "rows", lambda self, start, stop: seen.append(start) or rows(self, start, stop))
    kept_images = opened(found(images)).train.images
    if before:
        read(kept_images)
        seen.clear()
    stream = batches(kept_images, SIZE, 4)
    next(stream)
    until = time.monotonic() + 5
    while time.monotonic() < until and (seen[:2] != [0, 4] if before else images.decoded < 8):
        time.sleep(0.001)
    assert seen[:2] == [0, 4] if before else images.decoded >= 8
    assert len(list(stream)) == 2


def test_whatever_decides_the_pixels_makes_another_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = Counted()
    read(opened(found(images)).train.images)
    for other in (found(images, fingerprint="b2"), found(Counted(9))):
        read(opened(other).train.images)
    assert torch.equal(read(opened(found(images)).train.images, SIZE + 1), expected(size=SIZE + 1))
    monkeypatch.setattr(cache, "version", lambda name: "another")
    read(opened(found(images)).train.images)
    assert len(list(home.iterdir())) == 5


def test_what_is_drawn_in_memory_is_not_kept(home: Path) -> None:
    read(opened(found(Counted(), place=None)).train.images)
    assert not home.exists()


@pytest.mark.parametrize("value", ["off", ""])
def test_it_can_be_switched_off(value: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert torch.equal(read(opened(found(Counted())).train.images), expected())
    assert not home.exists()


def test_it_follows_the_desktop_standard(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEAD2HEAD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert cache.home() == home / "head2head"


@pytest.mark.parametrize("damage", ["cut", "longer", "header", "empty"])
def test_a_file_that_is_not_whole_is_made_anew(damage: str, home: Path) -> None:
    images = Counted()
    read(opened(found(images)).train.images)
    (file,) = home.iterdir()
    blob = file.read_bytes()
    wrong = {"cut": blob[:-1], "longer": blob + b"x", "header": blob.replace(b"crc32", b"crc33"), "empty": b""}
    file.write_bytes(wrong[damage])
    assert torch.equal(read(opened(found(images)).train.images), expected())
    assert images.decoded == 20
    assert file.read_bytes() == blob


def test_a_damaged_image_is_decoded_and_the_file_made_anew(home: Path) -> None:
    images = Counted()
    read(opened(found(images)).train.images)
    (file,) = home.iterdir()
    blob = bytearray(file.read_bytes())
    blob[-4 * 10 - 5] ^= 1  # within the last image
    file.write_bytes(blob)
    assert torch.equal(read(opened(found(images)).train.images), expected())
    assert images.decoded == 11
    assert not file.exists()
    read(opened(found(images)).train.images)
    assert images.decoded == 21 and file.exists()


def test_what_is_not_read_to_its_end_is_not_kept(home: Path) -> None:
    for _ in batches(opened(found(Counted())).train.images, SIZE, 4):
        break
    assert not list(home.iterdir())


def test_no_room_is_said_once_and_costs_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE_GB", "0.000001")
    for _ in range(2):
        assert torch.equal(read(opened(found(Counted())).train.images), expected())
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "prepared images are not kept" in said
    monkeypatch.setenv("HEAD2HEAD_CACHE_GB", "20")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    read(opened(found(Counted())).train.images)
    assert "of the disk are free" in capsys.readouterr().err
    assert not list(home.iterdir())
    monkeypatch.setenv("HEAD2HEAD_CACHE_GB", "many")
    with pytest.raises(UserError, match="write a number of gigabytes"):
        read(opened(found(Counted())).train.images)


def test_by_default_it_takes_half_of_the_room_on_the_disk(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gigabyte, giving = 10**9, [30]
    monkeypatch.delenv("HEAD2HEAD_CACHE_GB", raising=False)
    usage = shutil._ntuple_diskusage  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 0, giving[0] * gigabyte))
    home.mkdir()
    with (home / "held.safetensors").open("wb") as file:
        file.truncate(10 * gigabyte)  # of a file with holes, which takes no room
    assert disk_cache.fits(home / "more.safetensors", 10 * gigabyte, "images")
    assert not disk_cache.fits(home / "more.safetensors", 10 * gigabyte + 1, "images")
    assert "has 10.0 of at most 20.0 GB" in capsys.readouterr().err
    giving[0] = 60  # VTAB-1k at 224 px takes 58 GB as a whole, and less with what is kept at its stored size
    assert disk_cache.fits(home / "more.safetensors", 25 * gigabyte, "images")


def test_a_folder_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEAD2HEAD_CACHE", "/proc/nowhere")
    assert torch.equal(read(opened(found(Counted())).train.images), expected())
    assert "are not kept in /proc/nowhere" in capsys.readouterr().err


def test_what_was_long_not_used_makes_room(home: Path) -> None:
    home.mkdir()
    for name in ("old.safetensors", "old.7.part", "theirs.txt"):
        (home / name).write_bytes(b"x")
        os.utime(home / name, (0, 0))
    read(opened(found(Counted())).train.images)
    assert sorted(path.suffix for path in home.iterdir()) == [".safetensors", ".txt"]
    assert not (home / "old.safetensors").exists()


def test_part_of_a_split_shares_its_pixels(home: Path) -> None:
    images = Counted()
    whole = opened(found(images)).train.images
    assert torch.equal(pixels(Subset(whole, range(4, 7)), SIZE), expected()[4:7])
    assert images.decoded == 10


def test_what_a_plan_runs_is_kept(home: Path, tmp_path: Path) -> None:
    name = f"folder:{make_folder(tmp_path / 'photos')}"
    chosen = METHODS.select(["linear_probe"]), TASKS.select([name, "demo/digits"])
    photos, digits = (cell.found.load() for cell in plan(*chosen, BackboneSpec("demo"), [0], home).cells)
    assert isinstance(photos.train.images, cache.CachedImages) and isinstance(
        photos.tests["test"].images, cache.CachedImages
    )
    assert not isinstance(digits.train.images, cache.CachedImages)


def test_labels_and_facts_are_passed_on(home: Path) -> None:
    split = Split(Counted(), np.arange(10) % 2, 2, 3, frozenset({"flip"}))
    data = opened(replace(found(Counted()), load=lambda: Data(split, {"ood/x": split})))
    assert (data.train.validation, data.train.augment, list(data.tests)) == (3, {"flip"}, ["ood/x"])
    assert data.tests["ood/x"].labels is split.labels
