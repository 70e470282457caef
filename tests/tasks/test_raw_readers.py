"""The authors' own files of every VTAB data set, as small copies in their true formats: order, labels and pixels."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.spec import UserError
from tasks.readers import kitti, labels, retinas
from tests import archives
from tests.archives import GIVEN, TRAIN_TEST, Small, check, shades
from tests.tasks import copies_of_arrays as arrays
from tests.tasks import copies_of_images as images
from tests.tasks.copies_of_images import texture_files

EUROSAT, RESISC45 = ("eurosat", 10, "2750"), ("resisc45", 45, "NWPU-RESISC45")
WRITERS = {
    "cifar100, binary, tar": partial(arrays.cifar100_binary, packed=True),
    "cifar100, binary, folder": partial(arrays.cifar100_binary, packed=False),
    "cifar100, Python 2": partial(arrays.cifar100_python, protocol=2),
    "cifar100, Python 3": partial(arrays.cifar100_python, protocol=4),
    "svhn": arrays.svhn,
    "dtd, tar.gz": partial(images.dtd, mode="gz"),
    "dtd, tar": partial(images.dtd, mode=""),
    "dtd, folder": partial(images.dtd, mode=None),
    "flowers102, tar": partial(images.flowers102, packed=True),
    "flowers102, folder": partial(images.flowers102, packed=False),
    "pets, tars": partial(images.pets, packed=True),
    "pets, folder": partial(images.pets, packed=False),
    "sun397": images.sun397,
    "eurosat, zip": lambda folder: images.class_folders(folder, *EUROSAT, packed=True),
    "eurosat, folder": lambda folder: images.class_folders(folder, *EUROSAT, packed=False),
    "resisc45, zip": lambda folder: images.class_folders(folder, *RESISC45, packed=True),
    "resisc45, folder": lambda folder: images.class_folders(folder, *RESISC45, packed=False),
    "patch_camelyon": arrays.patch_camelyon,
    "dsprites_location": partial(arrays.dsprites, name="dsprites_location"),
    "dsprites_orientation": partial(arrays.dsprites, name="dsprites_orientation"),
    "smallnorb_azimuth, packed": partial(arrays.smallnorb, name="smallnorb_azimuth", classes=18, packed=True),
    "smallnorb_azimuth": partial(arrays.smallnorb, name="smallnorb_azimuth", classes=18, packed=False),
    "smallnorb_elevation, packed": partial(arrays.smallnorb, name="smallnorb_elevation", classes=9, packed=True),
    "smallnorb_elevation": partial(arrays.smallnorb, name="smallnorb_elevation", classes=9, packed=False),
    "clevr_count, zip": partial(images.clevr, name="clevr_count", packed=True),
    "clevr_count, folder": partial(images.clevr, name="clevr_count", packed=False),
    "clevr_distance, zip": partial(images.clevr, name="clevr_distance", packed=True),
    "clevr_distance, folder": partial(images.clevr, name="clevr_distance", packed=False),
    "kitti, zips": partial(images.kitti, packed=True),
    "kitti, folder": partial(images.kitti, packed=False),
    "dmlab": arrays.dmlab,
    "retinopathy": images.retinopathy,
}


@pytest.mark.parametrize("copy", WRITERS)
def test_a_small_copy_is_read(copy: str, tmp_path: Path) -> None:
    check(WRITERS[copy](tmp_path), tmp_path)


@pytest.mark.parametrize("form", ["zip", "tar", "folder"])
def test_caltech101(tmp_path: Path, form: str) -> None:
    data = images.caltech101(tmp_path, form).task.find(tmp_path).load()
    assert np.bincount(data.tests["test"].labels).tolist() == [5, 5, 5]
    for split in (data.train, data.tests["test"]):
        for index, label in enumerate(split.labels):  # sorted in lower case: accordion, background_google, faces
            assert (int(split.images.decode(index)[0, 0, 0]) - 2) // 60 == [2, 0, 1][label]


def test_cifar100_pixels_are_three_planes(tmp_path: Path) -> None:
    row = bytes([0, 1]) + b"".join(bytes([shade]) * 1024 for shade in (10, 20, 30))
    archives.write_folder(tmp_path, {f"cifar-100-binary/{split}.bin": row * 6 for split in ("train", "test")})
    task = Small("cifar100", TRAIN_TEST, {"train": shades(6, 2), "test": shades(6, 2)}).task
    pixels = task.find(tmp_path).load().train.images.decode(0)
    assert pixels.shape == (32, 32, 3) and pixels[5, 6].tolist() == [10, 20, 30]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("touched"),)  # type: ignore[return-value]


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    archives.write_folder(tmp_path, {f"cifar-100-python/{split}": pickle.dumps(Evil()) for split in ("train", "test")})
    task = Small("cifar100", TRAIN_TEST, arrays.CIFAR).task
    with pytest.raises(UserError, match=r"is not read \(it wants to run .*get cifar-100-binary\.tar\.gz in its place"):
        task.find(tmp_path).load()
    assert not (tmp_path / "touched").exists()


def test_a_broken_matlab_file_is_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}_32x32.mat").write_bytes(b"<html>")
    task = Small("svhn", TRAIN_TEST, arrays.SVHN).task
    with pytest.raises(UserError, match=r"_32x32\.mat has no whole variable 'X' .*; download it again"):
        task.find(tmp_path).load()


def test_kitti_videos_are_drawn_with_numpys_legacy_generator() -> None:
    state = np.random.get_state()
    np.random.seed(123)
    names = [f"v{number:02}" for number in range(30)]
    test = set(np.random.choice(names, 3, replace=False))
    validation = set(np.random.choice(sorted(set(names) - test), 3, replace=False))
    np.random.set_state(state)
    parts = kitti.divided(range(30), names)
    assert {names[number] for number in parts["test"]} == test
    assert {names[number] for number in parts["validation"]} == validation


def test_a_record_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    task = arrays.dmlab(tmp_path).task
    path = tmp_path / "dmlab-train.tfrecord-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"dmlab-train.* is cut off; it may be half downloaded or unpacked"):
        task.find(tmp_path).load()


def test_dmlab_is_to_be_unpacked(tmp_path: Path) -> None:
    archives.write_tar(tmp_path / "dmlab.tar.gz", {"dmlab-train.tfrecord": b""})
    task = Small("dmlab", GIVEN, {"train": shades(6, 6)}).task
    with pytest.raises(UserError, match=r"dmlab\.tar\.gz is read unpacked; run `tar -xf "):
        task.find(tmp_path)


def test_retinas_are_neither_turned_nor_recoloured() -> None:
    down, across = np.indices((400, 500))
    photograph = np.where(np.hypot(down - 200, across - 250) < 180, 90, 0).astype(np.uint8)[:, :, None].repeat(3, 2)
    photograph[120:150, 300:330] = (200, 60, 60)  # above the centre and to its right
    pixels = retinas.evened(photograph).astype(int)
    assert pixels.shape == (540, 540, 3)  # the radius of 180 is scaled to 300, of which nine tenths are kept
    row, column = np.unravel_index((pixels[:, :, 0] - pixels[:, :, 2]).argmax(), pixels.shape[:2])
    assert 270 - 80 * 300 / 180 <= row <= 270 - 50 * 300 / 180
    assert 270 + 50 * 300 / 180 <= column <= 270 + 80 * 300 / 180


def test_distances_are_binned_below_their_thresholds() -> None:
    clevr = [labels.clevr_distance([value]) for value in (0.1, 8.0, 8.001, 8.5, 9.2, 9.7, 10.0, 12.0)]
    assert clevr == [0, 0, 1, 1, 3, 4, 4, 5]
    assert labels.clevr_distance([8.500000000001]) == 1  # equal to 8.5 in single precision
    metres = ([8.0], [8.01, 90], [20.0], [500], [], [-5])
    assert [labels.kitti_distance(each) for each in metres] == [0, 1, 1, 2, 3, 0]
    assert labels.clevr_count([9.0] * 3) == 0 and labels.clevr_count([9.0] * 10) == 7


def test_sprites_are_binned_evenly() -> None:
    assert np.bincount(labels.dsprites_location(np.arange(32))).tolist() == [2] * 16
    assert labels.dsprites_orientation(np.arange(40)).tolist() == [int(at / 2.5) for at in range(40)]


def test_a_tar_that_points_outside_is_refused(tmp_path: Path) -> None:
    archives.write_tar(tmp_path / "dtd-r1.0.1.tar.gz", {"../labels/train1.txt": b""})
    task = Small("dtd", GIVEN, {"train": shades(6, 6)}).task
    with pytest.raises(UserError, match="points outside of it"):
        task.find(tmp_path).load()


def test_a_half_downloaded_tar_is_named(tmp_path: Path) -> None:
    files, facts = texture_files()
    archives.write_tar(tmp_path / "dtd-r1.0.1.tar.gz", files)
    whole = (tmp_path / "dtd-r1.0.1.tar.gz").read_bytes()
    (tmp_path / "dtd-r1.0.1.tar.gz").write_bytes(whole[: len(whole) // 2])
    task = Small("dtd", GIVEN, facts).task
    with pytest.raises(UserError, match=r"dtd-r1\.0\.1\.tar\.gz is not a whole tar file .*: download it again"):
        task.find(tmp_path).load()
