"""CIFAR-10 with its shifted test sets, as small archives in their true formats."""

from __future__ import annotations

import io
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Data, DataMissing, Task, UserError
from tasks import ood
from tasks.readers import cifar10_shifts as cifar10
from tasks.readers.cifar10_shifts import ShiftedCifar10
from tasks.readers.origins import Origin
from tests import archives
from tests.tasks.copies_of_arrays import Python2

SIZES = {"train": 10, "test": 4}


def row(label: int, shade: int) -> bytes:
    return bytes([label]) + bytes([shade]) * 3072


def small(name: str) -> Task:
    """A row of CIFAR-10 cut down to 4 + 2 training images and all of 4 test images."""
    row, shifts = {
        "ood/cifar10": (ood.CIFAR10_ROW, (cifar10.cifar10_1, cifar10.stl10)),
        "ood/cifar10c": (ood.CIFAR10C_ROW, (cifar10.cifar10_c,)),
    }[name]
    recipe = replace(row, origin=Origin("cifar10", (), SIZES, Source()), splits=("train[:4]", "train[4:6]", "test"))
    return replace(TASKS.select([name])[name], find=ShiftedCifar10(recipe, shifts, Source()).find)


def cifar_files() -> dict[str, bytes]:
    """Two training images a batch; image i is of class i and shade 10 * i, test images of shade 200 + i."""
    top = "cifar-10-batches-bin"
    files = {
        f"{top}/data_batch_{part + 1}.bin": row(2 * part, 20 * part) + row(2 * part + 1, 20 * part + 10)
        for part in range(5)
    }
    return {**files, f"{top}/test_batch.bin": b"".join(row(at, 200 + at) for at in range(4))}


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def newer(folder: Path) -> None:
    """CIFAR-10.1 with an image of each of three classes."""
    pixels = np.stack([np.full((32, 32, 3), 7 * at, np.uint8) for at in range(3)])
    save(folder / "cifar10.1_v6_data.npy", pixels)
    save(folder / "cifar10.1_v6_labels.npy", np.array([9, 0, 4], np.int32))


def stl(folder: Path) -> np.ndarray:
    """STL-10 with an image of each class, whose pixel at row 2, column 5 alone is red."""
    pixels = np.zeros((10, 96, 96, 3), np.uint8)
    pixels[:, 2, 5, 0] = np.arange(10) + 1
    folder.mkdir(parents=True, exist_ok=True)
    pixels.transpose(0, 3, 2, 1).tofile(folder / "test_X.bin")
    np.arange(1, 11, dtype=np.uint8).tofile(folder / "test_y.bin")
    return pixels


def corrupted(folder: Path) -> None:
    """CIFAR-10-C with two images a severity; the shade tells corruption, severity and image."""
    for number, name in enumerate(cifar10.CORRUPTIONS):
        shades = [16 * number + 2 * severity + at for severity in range(5) for at in range(2)]
        save(folder / f"{name}.npy", np.stack([np.full((32, 32, 3), shade, np.uint8) for shade in shades]))
    save(folder / "labels.npy", np.tile(np.array([3, 8], np.uint8), 5))


def opened(task: Task, data: Path) -> Data:
    held = task.find(data)
    assert held.fingerprint == task.find(data).fingerprint
    found = held.load()
    shifted = sum(len(test.labels) for name, test in found.tests.items() if "ood/" in name)
    again = sum(1000 * len(test.possible) for name, test in found.tests.items() if "id/" in name and test.possible)
    assert held.test_images == 10_000 + shifted + again
    return found


@pytest.mark.parametrize("form", ["tar", "folder", "python"])
def test_cifar10_is_read_in_its_forms(tmp_path: Path, form: str) -> None:
    files = cifar_files()
    if form == "python":
        files = {python_name(name): python_batch(blob) for name, blob in files.items()}
    if form == "folder":
        archives.write_folder(tmp_path / "cifar10", files)
    else:
        archives.write_tar(tmp_path / f"cifar-10-{'binary' if form == 'tar' else form}.tar.gz", files)
    newer(tmp_path)
    data = opened(small("ood/cifar10"), tmp_path)
    order = sorted(range(10), key=lambda at: md5(f"train{at}".encode()).digest())[:6]
    assert data.train.labels.tolist() == order and data.train.validation == 2
    assert [int(data.train.images.decode(at)[0, 0, 0]) for at in range(6)] == [10 * label for label in order]
    test = data.tests["test"]
    assert sorted(test.labels.tolist()) == [0, 1, 2, 3]
    assert [int(test.images.decode(at)[9, 9, 1]) for at in range(4)] == [200 + label for label in test.labels]
    shifted = data.tests["ood/cifar10.1_v6"]
    assert shifted.labels.tolist() == [9, 0, 4] and shifted.possible is None
    assert [int(shifted.images.decode(at)[0, 0, 0]) for at in range(3)] == [0, 7, 14]
    place = tmp_path / "cifar10/cifar-10-batches-bin" if form == "folder" else next(tmp_path.glob("*.tar.gz"))
    found = small("ood/cifar10").find(tmp_path)
    assert (found.place, found.exactness) == (place, "3 images where 2,000 were published (CIFAR-10.1 v6)")


def python_name(name: str) -> str:
    return name.replace("-bin/", "-py/").removesuffix(".bin")


def python_batch(blob: bytes) -> bytes:
    rows = np.frombuffer(blob, np.uint8).reshape(-1, 3073)
    buffer = io.BytesIO()
    Python2(buffer, 2).dump({b"data": rows[:, 1:].copy(), b"labels": rows[:, 0].tolist()})
    return buffer.getvalue()


def test_stl10_has_nine_classes_of_cifar10_and_is_stored_by_columns(tmp_path: Path) -> None:
    archives.write_folder(tmp_path, cifar_files())
    pixels = stl(tmp_path / "stl10_binary")
    tests = opened(small("ood/cifar10"), tmp_path).tests
    test = tests["ood/stl10"]
    assert test.labels.tolist() == [0, 2, 1, 3, 4, 5, 7, 8, 9]  # without the monkey, STL-10's eighth class
    assert test.possible == frozenset({0, 1, 2, 3, 4, 5, 7, 8, 9})  # CIFAR-10's frog cannot occur
    for at, original in enumerate([0, 1, 2, 3, 4, 5, 6, 8, 9]):
        assert np.array_equal(test.images.decode(at), pixels[original])
    assert tests["id/stl10"].possible == test.possible and len(tests["id/stl10"].labels) == 4


def test_every_corruption_comes_in_five_severities(tmp_path: Path) -> None:
    archives.write_folder(tmp_path, cifar_files())
    corrupted(tmp_path / "CIFAR-10-C")
    data = opened(small("ood/cifar10c"), tmp_path)
    assert len(data.tests) == 1 + 15 * 5
    test = data.tests["ood/cifar10c/fog/3"]
    shade = 16 * cifar10.CORRUPTIONS.index("fog") + 2 * 2
    assert [int(test.images.decode(at)[0, 0, 0]) for at in range(2)] == [shade, shade + 1]
    assert test.labels.tolist() == [3, 8]
    (tmp_path / "CIFAR-10-C" / "snow.npy").unlink()
    with pytest.raises(UserError, match=r"lacks snow\.npy; unpack CIFAR-10-C\.tar again"):
        opened(small("ood/cifar10c"), tmp_path)


def test_files_that_are_not_whole_are_named(tmp_path: Path) -> None:
    archives.write_folder(tmp_path, cifar_files())
    newer(tmp_path)
    path = tmp_path / "cifar10.1_v6_data.npy"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"cifar10\.1_v6_data\.npy is not a whole array .*; download it again"):
        opened(small("ood/cifar10"), tmp_path)
    save(path, np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(UserError, match="has 4 images where there are 3 labels; download both again"):
        opened(small("ood/cifar10"), tmp_path)
    save(path, np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"holds uint8 \(3, 28, 28\) where rows of \(32, 32, 3\) should be"):
        opened(small("ood/cifar10"), tmp_path)
    path.unlink()
    stl(tmp_path)
    (tmp_path / "test_y.bin").write_bytes(b"\1\2")
    with pytest.raises(UserError, match=r"test_X\.bin and its test_y\.bin are not whole"):
        opened(small("ood/cifar10"), tmp_path)


@pytest.mark.parametrize("name", ["ood/cifar10", "ood/cifar10c", "ood/imagenet"])
def test_a_source_without_shifted_sets_is_missing_them(tmp_path: Path, name: str) -> None:
    archives.write_folder(tmp_path, cifar_files())
    archives.write_folder(tmp_path / "imagenet/train", dict.fromkeys(("n01440764/a.JPEG",), b""))
    (task,) = TASKS.select([name]).values()
    with pytest.raises((DataMissing, UserError)):
        task.find(tmp_path)
