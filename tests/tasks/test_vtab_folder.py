"""The vtab-1k folder that most people hold: its names, its lists, and what is said of a copy that is not whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tasks  # noqa: F401  (registers the tasks)
from bench.registry import TASKS
from bench.spec import Task, UserError

TEST = 711  # test images of KITTI


def the(name: str) -> Task:
    (task,) = TASKS.select([f"vtab1k/{name}"]).values()
    return task


def jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, shade, shade)).save(buffer, "jpeg")
    return buffer.getvalue()


def write(folder: Path, part: str, count: int, classes: int, first: int = 0) -> None:
    """A part whose image i has shade and label (first + i) % classes."""
    blobs = [jpeg(shade) for shade in range(classes)]
    (folder / "images" / part).mkdir(parents=True)
    rows = []
    for index in range(count):
        label = (first + index) % classes
        (folder / "images" / part / f"{index:06}.jpg").write_bytes(blobs[label])
        rows.append(f"images/{part}/{index:06}.jpg {label}\n")
    (folder / f"{part}.txt").write_text("".join(rows))


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    """A vtab-1k folder with KITTI in it."""
    folder = tmp_path / "vtab-1k" / "kitti"
    write(folder, "train800val200", 1000, 4)
    write(folder, "test", TEST, 4)
    return tmp_path


def test_the_folder_is_read(kitti: Path) -> None:
    task = the("kitti_distance")
    found = task.find(kitti)
    data = found.load()
    assert "vtab-1k folder" in found.pipeline
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (1000, 200, 711)
    assert data.train.labels[:5].tolist() == [0, 1, 2, 3, 0] and data.train.labels.dtype == np.int64
    assert data.train.images.decode(3)[0, 0].tolist() == [3, 3, 3]
    assert data.train.augment == {"flip"}


def test_lists_kept_apart_are_preferred(kitti: Path) -> None:
    folder = kitti / "vtab-1k" / "kitti"
    write(folder, "train800", 800, 4, first=2)
    write(folder, "val200", 200, 4, first=3)
    task = the("kitti_distance")
    data = task.find(kitti).load()
    assert (data.train.labels[0], data.train.labels[800], data.train.validation) == (2, 3, 200)


def test_list_files_without_their_images_are_passed_over(kitti: Path) -> None:
    (kitti / "vtab-1k" / "kitti" / "train800.txt").write_text("images/train800/000000.jpg 0\n")
    (kitti / "vtab-1k" / "kitti" / "val200.txt").write_text("images/val200/000000.jpg 0\n")
    task = the("kitti_distance")
    assert len(task.find(kitti).load().train.labels) == 1000


@pytest.mark.parametrize("place", ["vtab-1k/kitti", "kitti_distance", "a/vtab-1k/kitti_dist"])
def test_it_is_found_at_several_places(tmp_path: Path, place: str) -> None:
    write(tmp_path / place, "train800val200", 1000, 4)
    write(tmp_path / place, "test", TEST, 4)
    task = the("kitti_distance")
    assert task.find(tmp_path).pipeline == "vtab-1k folder, JPEG by Pillow"


def test_contents_labels_and_order_decide_the_fingerprint(kitti: Path) -> None:
    task, folder = the("kitti_distance"), kitti / "vtab-1k" / "kitti"
    seen = [task.find(kitti).fingerprint]
    assert task.find(kitti).fingerprint == seen[0]
    (folder / "images" / "train800val200" / "000007.jpg").write_bytes(jpeg(77))
    seen.append(task.find(kitti).fingerprint)
    rows = (folder / "test.txt").read_text().splitlines()
    (folder / "test.txt").write_text("\n".join(reversed(rows)))
    seen.append(task.find(kitti).fingerprint)
    assert len(set(seen)) == 3


def test_missing_images_are_counted_and_named(kitti: Path) -> None:
    for index in (5, 6):
        (kitti / "vtab-1k" / "kitti" / "images" / "test" / f"{index:06}.jpg").unlink()
    task = the("kitti_distance")
    with pytest.raises(UserError, match=r"2 images listed in .* the first is images/test/000005\.jpg; copy the folder"):
        task.find(kitti)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images/test/000000.jpg 0\n", r"lists 1 images where .* has 711"),
        ("images/test/000000.jpg\n", "has a line that is not `image label`"),
        ("images/test/000000.jpg 4\n", "has a label outside 0..3"),
        ("../../etc/passwd 0\n", "points outside of it"),
    ],
)
def test_lists_that_are_not_whole_are_refused(kitti: Path, text: str, message: str) -> None:
    (kitti / "vtab-1k" / "kitti" / "test.txt").write_text(text)
    task = the("kitti_distance")
    with pytest.raises(UserError, match=message):
        task.find(kitti)
