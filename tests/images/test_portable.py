"""`data convert`: portable folders give the same pixels and labels, and a conversion that was cut short is no copy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import tasks  # noqa: F401  (registers the tasks)
from bench.images.portable import NOTE, convert, unfinished
from bench.registry import TASKS
from bench.spec import Data, Found, Split, Task, UserError
from tests.tasks.test_vtab_folder import kitti  # noqa: F401  (a fixture)


class Noise:
    """Random pixels of differing sizes."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        dice = np.random.default_rng([self.seed, index])
        return dice.integers(0, 256, (5 + index % 3, 7, 3), dtype=np.uint8)


def split(count: int, seed: int, validation: int = 0, augment: frozenset[str] = frozenset()) -> Split:
    labels = np.random.default_rng(seed).integers(0, 4, count)
    return Split(Noise(count, seed), labels, 4, validation, augment)


DATA = Data(split(9, 1, 3, frozenset({"flip"})), {"test": split(5, 2), "ood/dark": split(4, 3)})
FOUND = Found("noise", "a1b2", lambda: DATA, 9, 9, exactness="exact")
TASK = Task("noise/four", "natural", 4, "noise", lambda data: FOUND)


def task_of(text: str) -> Task:
    (task,) = TASKS.select([text]).values()
    return task


def assert_same(one: Data, other: Data) -> None:
    assert list(one.tests) == list(other.tests)
    assert (one.train.validation, one.train.augment) == (other.train.validation, other.train.augment)
    for mine, theirs in zip((one.train, *one.tests.values()), (other.train, *other.tests.values()), strict=True):
        assert mine.labels.tolist() == theirs.labels.tolist() and mine.classes == theirs.classes
        assert all(
            np.array_equal(mine.images.decode(place), theirs.images.decode(place)) for place in range(len(mine.labels))
        )


def test_any_task_comes_back_from_its_copy(tmp_path: Path) -> None:
    count: list[int] = []
    folder = convert(TASK, FOUND, tmp_path, lambda: count.append(1))
    assert len(count) == 18
    assert folder == tmp_path / "noise_four"
    assert {path.name for path in folder.iterdir()} == {
        "images", NOTE, "train6.txt", "val3.txt", "train6val3.txt", "test.txt", "ood_dark.txt",
    }  # fmt: skip
    assert (folder / "train6val3.txt").read_text().splitlines()[6].startswith("images/val3/000000.png ")
    task = task_of(f"folder:{folder}")
    found = task.find(tmp_path)
    assert (task.classes, task.size, found.exactness) == (4, "6 + 3 / 9", "exact")
    assert found.pipeline == "lossless PNG copy of: noise"
    assert (found.train_images, found.test_images, found.place) == (9, 9, folder)
    assert_same(found.load(), DATA)
    again = convert(task, found, tmp_path / "again", lambda: None)
    notes = [json.loads((place / NOTE).read_text()) for place in (folder, again)]
    assert notes[0]["pixels"] == notes[1]["pixels"]
    assert notes[0]["source_fingerprint"] == "a1b2"


def test_a_vtab_task_is_read_from_its_copy(kitti: Path, tmp_path: Path) -> None:  # noqa: F811
    task = task_of("vtab1k/kitti_distance")
    found = task.find(kitti)
    assert found.exactness == "JPEG copy"
    folder = convert(task, found, tmp_path / "made" / "vtab-1k", lambda: None)
    assert folder.name == "kitti"
    copy = task.find(tmp_path / "made")
    assert copy.pipeline == "lossless PNG copy of: vtab-1k folder, JPEG by Pillow"
    assert copy.exactness == "JPEG copy"
    assert copy.fingerprint != found.fingerprint
    assert_same(copy.load(), found.load())
    folder.rename(folder.with_name("dtd"))
    with pytest.raises(UserError, match=r"dtd is a copy of vtab1k/structured/kitti_distance by its head2head\.json"):
        task_of("vtab1k/dtd").find(tmp_path / "made")


def test_a_conversion_that_is_cut_short_is_no_copy(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(TASK, FOUND, tmp_path, stop)
    assert [path.name for path in tmp_path.iterdir()] == [".noise_four.part"]
    task = task_of(f"folder:{convert(TASK, FOUND, tmp_path, lambda: None)}")
    assert_same(task.find(tmp_path).load(), DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["noise_four"]


def test_a_copy_is_not_written_over(tmp_path: Path) -> None:
    convert(TASK, FOUND, tmp_path, lambda: None)
    with pytest.raises(UserError, match="is there already; remove it"):
        convert(TASK, FOUND, tmp_path, lambda: None)


def test_two_conversions_do_not_meet(tmp_path: Path) -> None:
    with unfinished(tmp_path / "noise_four"), pytest.raises(UserError, match=rf"process {os.getpid()} is writing"):
        convert(TASK, FOUND, tmp_path, lambda: None)
    with unfinished(tmp_path / "x") as partial:
        assert partial.is_dir()
    assert (tmp_path / "x").is_dir()


def test_a_copy_that_lost_something_is_named(tmp_path: Path) -> None:
    folder = convert(TASK, FOUND, tmp_path, lambda: None)
    task = task_of(f"folder:{folder}")
    (folder / "images" / "test" / "000002.png").unlink()
    with pytest.raises(UserError, match=r"images/test/000002\.png"):
        task.find(tmp_path)
    rows = (folder / "ood_dark.txt").read_text().splitlines()
    (folder / "ood_dark.txt").write_text("\n".join(rows[:-1]))
    with pytest.raises(UserError, match=r"ood_dark\.txt lists 3 of 4 images; convert it again"):
        task.find(tmp_path)
    (folder / NOTE).write_text("{")
    with pytest.raises(UserError, match="is damaged; remove"):
        task_of(f"folder:{folder}")
