"""Copies that are cut off, damaged or of another version: one sentence names the file and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.registry import TASKS
from bench.spec import UserError
from tests import archives
from tests.archives import ONE, Facts, Small
from tests.command_line import bench, records
from tests.tasks import test_prepared
from tests.tasks.copies_of_arrays import dmlab
from tests.tasks.test_raw_readers import WRITERS

PARTS = ("train", "valid", "test")
GARBAGE = b"\xff\xfe \xe9\n1 2\n"
MAPPING = r"mapping in .*kitti is not whole \(.*\); get devkit_object\.zip again"


def cut(blob: bytes) -> bytes:
    return blob[: len(blob) * 2 // 3]


NO_TEXT = r"{} is not a text file; get it again"
LABELS = r"cifar-100-binary has a label outside 0\.\.99 of vtab1k/natural/cifar100; get it again from http"
DAMAGED: Sequence[tuple[str, str, Callable[[bytes], bytes], str]] = [  # the copy, its file, the damage, what is said
    ("cifar100, binary, tar", "*.tar.gz", cut, r"binary\.tar\.gz is not a whole tar file"),
    ("cifar100, binary, folder", "train.bin", cut, "holds 8 images of the train split .* should be 12; get a"),
    ("cifar100, binary, folder", "train.bin", lambda blob: b"\xff" * len(blob), LABELS),
    ("flowers102, tar", "setid.mat", cut, r"setid\.mat has no whole variable 'valid' .*; download it"),
    ("smallnorb_azimuth, packed", "*training-dat*", cut, "is not a whole matrix of small NOR"),
    ("dsprites_location", "*.npz", cut, r"64x64\.npz is not whole .*; download it again"),
    ("patch_camelyon", "*train_x.h5", cut, r"train_x\.h5 is not a whole HDF5 file; download and unpack it"),
    ("resisc45, zip", "*.zip", cut, r"\.zip is not a whole zip file"),
    ("clevr_count, folder", "CLEVR_train_scenes.json", cut, r"scenes\.json is damaged; get it again"),
    ("clevr_count, folder", "CLEVR_train_scenes.json", lambda _: GARBAGE, NO_TEXT.format(r"scenes\.json")),
    ("kitti, folder", "train_mapping.txt", cut, MAPPING),
    ("kitti, folder", "train_rand.txt", lambda _: b"", MAPPING),
    ("kitti, folder", "000000.txt", lambda _: GARBAGE, NO_TEXT.format(r"label_2/000000\.txt")),
    ("dtd, folder", "train1.txt", lambda _: GARBAGE, NO_TEXT.format(r"labels/train1\.txt")),
    ("pets, folder", "trainval.txt", lambda _: GARBAGE, NO_TEXT.format(r"trainval\.txt")),
    ("pets, folder", "trainval.txt", lambda _: b"Abyssinian_1\n", "line that is not `image label …`; get it"),
    ("sun397", "sun397_tfds_va.txt", lambda _: GARBAGE, NO_TEXT.format(r"tfds_va\.txt")),
    ("retinopathy", "trainLabels.csv", lambda _: GARBAGE, r"trainLabels\.csv has no columns image, level"),
]


@pytest.mark.parametrize(("copy", "file", "damage", "says"), DAMAGED)
def test_raw_copies(tmp_path: Path, copy: str, file: str, damage: Callable[[bytes], bytes], says: str) -> None:
    task = WRITERS[copy](tmp_path).task
    path = next(tmp_path.rglob(file))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=says):
        task.find(tmp_path).load()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    task = dmlab(tmp_path).task
    path = tmp_path / "dmlab-train.tfrecord-00000-of-00002"
    blob = bytearray(path.read_bytes())
    blob[20] ^= 0xFF
    path.write_bytes(blob)
    with pytest.raises(UserError, match=r"the record at byte 12 of .*00000-of-00002 is damaged; get it again"):
        task.find(tmp_path).load()


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        (
            "dataset_info.json",
            lambda path: path.write_text("{"),
            r"dataset_info\.json is damaged; prepare the data set",
        ),
        ("features.json", Path.unlink, r"train of .*2\.0\.0 cannot be read \(.*\); prepare the data set again"),
        ("*00000-of-00001", lambda path: path.write_bytes(cut(path.read_bytes())), r"cannot be read \(Corrupted"),
        ("*00000-of-00001", lambda path: path.rename(f"{path}x"), r"cannot be read \(.*No such file"),
    ],
)
def test_prepared_copies(tmp_path: Path, file: str, damage: Callable[[Path], object], says: str) -> None:
    facts: Facts = {"train": archives.shades(12, 5)}
    small = Small("eurosat", ONE, facts)
    test_prepared.prepare(tmp_path, small, test_prepared.plain, test_prepared.a_label)
    damage(next(tmp_path.rglob(file)))
    with pytest.raises(UserError, match=says):
        small.task.find(tmp_path).load()


def test_another_version_of_a_builder_is_named_unless_there_is_another_copy(tmp_path: Path) -> None:
    facts: Facts = {"train": {f"c{at % 10}_{at}.jpg": (at % 10, 20) for at in range(20)}}
    task = Small("eurosat", ONE, facts).task
    test_prepared.write_info(tmp_path / "eurosat" / "rgb" / "9.0.0", "eurosat", {"train": 20})
    with pytest.raises(
        UserError, match=r"rgb/9\.0\.0 is version 9\.0\.0 of eurosat/rgb, and 2\.0\.0 is read; prepare `e"
    ):
        task.find(tmp_path)
    files = {
        f"2750/{key.partition('_')[0]}/{key.partition('_')[2]}": archives.image(20) for key in map(str, facts["train"])
    }
    archives.write_zip(tmp_path / "EuroSAT.zip", files)
    assert task.find(tmp_path).place == tmp_path / "EuroSAT.zip"


@pytest.mark.slow
def test_a_task_whose_copy_is_damaged_stops_no_other(tmp_path: Path) -> None:
    data = tmp_path / "data"
    archives.write_folder(data, {"EuroSAT.zip": b"PK\3\4 and no more", "dmlab-train.tfrecord": bytes(9)})
    names = ("vtab1k/eurosat", "vtab1k/dmlab", "demo/digits")
    arguments = ("--methods", "linear_probe", "--device", "cpu", "--data", data, "--results", tmp_path / "run")
    done = bench(*arguments, "--tasks", *names, code=1)
    assert "EuroSAT.zip is not a whole zip file" in done.stderr and "Traceback" not in done.stderr
    held = {record["task"]: (record["status"], record["reason"]) for record in records(tmp_path / "run")}
    assert held["demo/digits"] == ("done", None)
    assert held["vtab1k/structured/dmlab"][0] == "failed" and "is cut off" in held["vtab1k/structured/dmlab"][1]


@pytest.mark.parametrize(
    ("name", "files", "file"),
    [
        ("cifar100", ["cifar-100-binary.tar.gz"], "cifar-100-binary.tar.gz"),
        ("dtd", ["dtd-r1.0.1.tar.gz"], "dtd-r1.0.1.tar.gz"),
        ("flowers102", ["102flowers.tgz", "imagelabels.mat", "setid.mat"], "102flowers.tgz"),
        ("pets", ["images.tar.gz", "annotations.tar.gz"], "images.tar.gz"),
        ("svhn", ["train_32x32.mat", "test_32x32.mat"], "train_32x32.mat"),
        ("dsprites_location", ["dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"], "64x64.npz"),
        ("patch_camelyon", [f"camelyonpatch_level_2_split_{p}_{k}.h5" for p in PARTS for k in "xy"], "train_x.h5"),
    ],
)
def test_a_half_download_is_noticed_before_it_is_opened(
    tmp_path: Path, name: str, files: Sequence[str], file: str
) -> None:
    if file.endswith("h5"):
        pytest.importorskip("h5py")
    archives.write_folder(tmp_path, dict.fromkeys(files, b"PK\3\4" + bytes(99)))
    (task,) = TASKS.select([f"vtab1k/{name}"]).values()
    with pytest.raises(UserError, match=rf"{file} (has 103 of [\d,]+ bytes; it may be half|is not (a )?whole)"):
        task.find(tmp_path)


def test_an_archive_beside_what_was_unpacked_from_it_is_not_looked_at(tmp_path: Path) -> None:
    archives.write_folder(
        tmp_path, {"images/Abyssinian_1.jpg": b"", "annotations/trainval.txt": b"", "images.tar.gz": b""}
    )
    (task,) = TASKS.select(["vtab1k/pets"]).values()
    assert task.find(tmp_path).place == tmp_path
