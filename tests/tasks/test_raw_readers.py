"""The authors' own files of every VTAB data set, as small archives in their true formats: order, labels and pixels."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from bench.spec import Task, UserError
from tasks.readers import kitti, labels, retinas
from tests import archives
from tests.archives import GIVEN, ONE, SCENES, TOYS, TRAIN_TEST, Facts, check, image, small


def shades(count: int, classes: int, first: int = 0) -> dict[object, tuple[int, int]]:
    """Rows numbered from 0, each with a label and a shade."""
    return {row: ((row * 7 + first) % classes, (first + row * 8) % 256) for row in range(count)}


def planes(shade: int) -> np.ndarray:
    """A marked image of 32 pixels (3072,), one colour plane after another."""
    return archives.marked(shade, 32, 32).transpose(2, 0, 1).ravel()


# CIFAR-100

CIFAR: Facts = {"train": shades(12, 100), "test": shades(5, 100, 3)}


def cifar_bin(rows: object) -> bytes:
    assert isinstance(rows, dict)
    return b"".join(bytes([9, label]) + planes(shade).tobytes() for label, shade in rows.values())


@pytest.mark.parametrize("packed", [True, False])
def test_cifar100_binary(tmp_path: Path, packed: bool) -> None:
    files = {f"cifar-100-binary/{split}.bin": cifar_bin(rows) for split, rows in CIFAR.items()}
    if packed:
        archives.write_tar(tmp_path / "cifar100" / "cifar-100-binary.tar.gz", files)
    else:
        archives.write_folder(tmp_path / "cifar100", files)
    check(small("cifar100", TRAIN_TEST, CIFAR), tmp_path, TRAIN_TEST, CIFAR)


def test_cifar100_pixels_are_three_planes(tmp_path: Path) -> None:
    row = bytes([0, 1]) + b"".join(bytes([shade]) * 1024 for shade in (10, 20, 30))
    archives.write_folder(tmp_path, {f"cifar-100-binary/{split}.bin": row * 6 for split in ("train", "test")})
    task = small("cifar100", TRAIN_TEST, {"train": shades(6, 2), "test": shades(6, 2)})
    pixels = task.find(tmp_path).load().train.images.decode(0)
    assert pixels.shape == (32, 32, 3) and pixels[5, 6].tolist() == [10, 20, 30]


InPython: Any = vars(pickle)["_Pickler"]  # the pickler that is not written in C


class Python2(InPython):  # type: ignore[misc]
    """Pickles bytes as the strings of Python 2, with which the authors made their files."""

    dispatch = InPython.dispatch.copy()

    def save_string(self, text: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_string


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar100_python(tmp_path: Path, protocol: int) -> None:
    files = {}
    for split, rows in CIFAR.items():
        pixels = np.stack([planes(shade) for _, shade in rows.values()])
        table = {b"data": pixels, b"fine_labels": [label for label, _ in rows.values()], b"filenames": [b"a.png"]}
        buffer = io.BytesIO()
        (Python2 if protocol == 2 else pickle.Pickler)(buffer, protocol).dump(table)
        files[f"cifar-100-python/{split}"] = buffer.getvalue()
    archives.write_tar(tmp_path / "cifar-100-python.tar.gz", files)
    check(small("cifar100", TRAIN_TEST, CIFAR), tmp_path, TRAIN_TEST, CIFAR)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("touched"),)  # type: ignore[return-value]


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    archives.write_folder(tmp_path, {f"cifar-100-python/{split}": pickle.dumps(Evil()) for split in ("train", "test")})
    task = small("cifar100", TRAIN_TEST, CIFAR)
    with pytest.raises(UserError, match=r"is not read \(it wants to run .*get cifar-100-binary\.tar\.gz in its place"):
        task.find(tmp_path).load()
    assert not (tmp_path / "touched").exists()


# SVHN

SVHN: Facts = {"train": shades(9, 10), "test": shades(4, 10, 5)}


def test_svhn(tmp_path: Path) -> None:
    for split, rows in SVHN.items():
        pixels = np.stack([archives.marked(shade, 32, 32) for _, shade in rows.values()], axis=-1)
        digits = np.array([[label or 10] for label, _ in rows.values()], np.uint8)  # 10 stands for 0
        savemat(tmp_path / f"{split}_32x32.mat", {"X": pixels, "y": digits}, do_compression=True)
    check(small("svhn", TRAIN_TEST, SVHN), tmp_path, TRAIN_TEST, SVHN)


def test_a_broken_matlab_file_is_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}_32x32.mat").write_bytes(b"<html>")
    task = small("svhn", TRAIN_TEST, SVHN)
    with pytest.raises(UserError, match=r"_32x32\.mat has no whole variable 'X' .*; download it again"):
        task.find(tmp_path).load()


# DTD, Flowers 102, Oxford-IIIT Pet, SUN397


def texture_files() -> tuple[dict[str, bytes], Facts]:
    files, facts = {}, {}
    for split, (listing, shade) in {"train": ("train1", 0), "validation": ("val1", 1), "test": ("test1", 2)}.items():
        rows = {f"t{label:02}/t{label:02}_{split}.jpg": (label, 5 * label + shade) for label in range(47)}
        files[f"dtd/labels/{listing}.txt"] = "".join(f"{key}\n" for key in rows).encode()
        files |= {f"dtd/images/{key}": image(shade) for key, (_, shade) in rows.items()}
        facts[split] = rows
    return files, facts  # type: ignore[return-value]


@pytest.mark.parametrize("mode", ["gz", "", None])
def test_dtd(tmp_path: Path, mode: str | None) -> None:
    files, facts = texture_files()
    if mode is None:
        archives.write_folder(tmp_path, files)
    else:
        archives.write_tar(tmp_path / "dtd" / "dtd-r1.0.1.tar.gz", files, mode)
    check(small("dtd", GIVEN, facts), tmp_path, GIVEN, facts, near=2)


@pytest.mark.parametrize("packed", [True, False])
def test_flowers102(tmp_path: Path, packed: bool) -> None:
    numbers = {"train": [3, 5, 7, 9, 11], "validation": [2, 4, 6], "test": [1, 8, 10]}
    facts = {split: {f"image_{at:05}.jpg": (at * 3, at * 16) for at in ids} for split, ids in numbers.items()}
    files = {f"jpg/{key}": image(shade) for rows in facts.values() for key, (_, shade) in rows.items()}
    if packed:
        archives.write_tar(tmp_path / "102flowers.tgz", files)
    else:
        archives.write_folder(tmp_path, files)
    savemat(tmp_path / "imagelabels.mat", {"labels": np.array([[at * 3 + 1 for at in range(1, 12)]], np.uint8)})
    named = {"trnid": numbers["train"], "valid": numbers["validation"], "tstid": numbers["test"]}
    savemat(tmp_path / "setid.mat", {name: np.array([ids], np.uint16) for name, ids in named.items()})
    check(small("flowers102", GIVEN, facts), tmp_path, GIVEN, facts, near=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("packed", [True, False])
def test_pets(tmp_path: Path, packed: bool) -> None:
    facts = {
        "train": {f"Abyssinian_{at}.jpg": (at % 37, at * 9) for at in range(1, 10)},
        "test": {f"pug_{at}.jpg": (25, at * 9 + 100) for at in range(1, 6)},
    }
    pictures = {f"images/{key}": image(shade) for rows in facts.values() for key, (_, shade) in rows.items()}
    notes = {
        f"annotations/{listing}.txt": "".join(
            f"{key[:-4]} {label + 1} 1 1\n" for key, (label, _) in rows.items()
        ).encode()
        for listing, rows in (("trainval", facts["train"]), ("test", facts["test"]))
    }
    if packed:
        archives.write_tar(tmp_path / "pets" / "images.tar.gz", pictures)
        archives.write_tar(tmp_path / "pets" / "annotations.tar.gz", notes)
    else:
        archives.write_folder(tmp_path / "oxford-iiit-pet", pictures | notes)
    check(small("pets", TRAIN_TEST, facts), tmp_path, TRAIN_TEST, facts, near=2)  # type: ignore[arg-type]


def test_sun397(tmp_path: Path) -> None:
    scenes = ["/a/abbey", "/c/church/indoor", "/z/zoo"]
    facts = {
        split: {f"{scenes[at % 3]}/sun_{split}{at}.jpg": (at % 3, at * 16 + first) for at in range(count)}
        for split, count, first in (("train", 9, 0), ("validation", 3, 1), ("test", 4, 2))
    }
    for split, listing in (("train", "tr"), ("validation", "va"), ("test", "te")):
        archives.write_folder(tmp_path, {f"SUN397{key}": image(shade) for key, (_, shade) in facts[split].items()})
        (tmp_path / f"sun397_tfds_{listing}.txt").write_text("".join(f"{key}\n" for key in facts[split]))
    check(small("sun397", GIVEN, facts), tmp_path, GIVEN, facts, near=2)  # type: ignore[arg-type]


# EuroSAT, NWPU-RESISC45, Caltech-101


@pytest.mark.parametrize(("name", "classes", "place"), [("eurosat", 10, "2750"), ("resisc45", 45, "NWPU-RESISC45")])
@pytest.mark.parametrize("packed", [True, False])
def test_class_folders(tmp_path: Path, name: str, classes: int, place: str, packed: bool) -> None:
    rows: dict[object, tuple[int, int]] = {}
    files = {}
    for label in range(classes):
        for number in range(2):
            key, shade = f"class{label:02}_class{label:02}_{number}.jpg", 2 * label + 100 * number
            rows[key] = (label, shade)
            files[f"{place}/class{label:02}/class{label:02}_{number}.jpg"] = image(shade)
    if packed:
        archives.write_zip(tmp_path / {"eurosat": "EuroSAT.zip"}.get(name, f"{place}.zip"), files)
    else:
        archives.write_folder(tmp_path, files)
    check(small(name, ONE, {"train": rows}), tmp_path, ONE, {"train": rows}, near=2)


@pytest.mark.parametrize("form", ["zip", "tar", "folder"])
def test_caltech101(tmp_path: Path, form: str) -> None:
    names = ["BACKGROUND_Google", "Faces", "accordion"]
    files = {
        f"101_ObjectCategories/{name}/image_{number:04}.jpg": image(60 * which + number)
        for which, name in enumerate(names)
        for number in range(1, 36)
    }
    if form == "folder":
        archives.write_folder(tmp_path, files)
    else:
        tar = tmp_path / "101_ObjectCategories.tar.gz"
        archives.write_tar(tar, files)
    if form == "zip":
        archives.write_zip(tmp_path / "caltech-101.zip", {"caltech-101/101_ObjectCategories.tar.gz": tar.read_bytes()})
        tar.unlink()
    sizes: Facts = {"train": shades(90, 3), "test": shades(15, 3)}
    task = small("caltech101", TRAIN_TEST, sizes)
    data = task.find(tmp_path).load()
    assert np.bincount(data.tests["test"].labels).tolist() == [5, 5, 5]
    for split in (data.train, data.tests["test"]):
        for index, label in enumerate(split.labels):  # sorted in lower case: accordion, background_google, faces
            assert (int(split.images.decode(index)[0, 0, 0]) - 2) // 60 == [2, 0, 1][label]


# PatchCamelyon, dSprites, small NORB


def test_patch_camelyon(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    facts = {}
    for split, part, count in (("train", "train", 9), ("validation", "valid", 4), ("test", "test", 5)):
        rows = [(row % 2, 16 * row + count) for row in range(count)]
        facts[split] = {f"{part}_{row}": fact for row, fact in enumerate(rows)}
        for kind, array in (
            ("x", np.stack([archives.marked(shade, 96, 96) for _, shade in rows])),
            ("y", np.array([label for label, _ in rows], np.uint8).reshape(-1, 1, 1, 1)),
        ):
            with h5py.File(tmp_path / f"camelyonpatch_level_2_split_{part}_{kind}.h5", "w") as file:
                file[kind] = array
    check(small("patch_camelyon", GIVEN, facts), tmp_path, GIVEN, facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dsprites_location", "dsprites_orientation"])
def test_dsprites(tmp_path: Path, name: str) -> None:
    count = 5000  # more than are unpacked at once
    latents = np.zeros((count, 6), np.int64)
    latents[:, 3], latents[:, 4] = np.arange(count) % 40, np.arange(count) // 40 % 32
    images = np.stack([archives.marked_grey(255 * (row % 3 == 0), 64) // 255 for row in range(count)])
    np.savez_compressed(
        tmp_path / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", imgs=images, latents_classes=latents
    )
    labelled = latents[:, 4] // 2 if name == "dsprites_location" else np.floor(latents[:, 3] / 2.5).astype(int)
    facts: Facts = {"train": {row: (int(labelled[row]), 255 * (row % 3 == 0)) for row in range(count)}}
    assert {label for label, _ in facts["train"].values()} == set(range(16))
    check(small(name, ONE, facts), tmp_path, ONE, facts, marks=archives.GREY)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("name", "classes"), [("smallnorb_azimuth", 18), ("smallnorb_elevation", 9)])
def test_smallnorb(tmp_path: Path, name: str, classes: int, packed: bool) -> None:
    facts = {"train": shades(9, classes), "test": shades(10, classes, 4)}
    stems = {"train": "5x46789x9x18x6x2x96x96-training", "test": "5x01235x9x18x6x2x96x96-testing"}
    for split, rows in facts.items():
        left = [archives.marked_grey(shade, 96) for _, shade in rows.values()]
        pixels = np.stack(
            [np.stack([image, np.full_like(image, 255)]) for image in left]
        )  # the right camera's is white
        info = np.array([[1, label, 2 * label, 3] for label, _ in rows.values()], "<i4")
        for kind, blob in (("dat", archives.norb_matrix(pixels)), ("info", archives.norb_matrix(info))):
            path = tmp_path / f"smallnorb-{stems[split]}-{kind}.mat{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(blob) if packed else blob)
    check(small(name, TOYS, facts), tmp_path, TOYS, facts, marks=archives.GREY)


# CLEVR, KITTI, DMLab, retinopathy


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["clevr_count", "clevr_distance"])
def test_clevr(tmp_path: Path, name: str, packed: bool) -> None:
    files, facts = {}, {}
    for split, part in (("train", "train"), ("validation", "val")):
        scenes, rows = [], {}
        for at in range(8):
            depths = [7.5 + 0.5 * at, *[11.5] * (at + 2)]
            key = f"CLEVR_{part}_{at:06}.png"
            objects = [{"pixel_coords": [1, 2, depth], "shape": "cube [] {}"} for depth in depths]
            scenes.append({"image_index": at, "image_filename": key, "objects": objects, "split": part})
            rows[key] = (at if name == "clevr_count" else [0, 0, 1, 2, 3, 4, 5, 5][at], 30 * at)
            files[f"CLEVR_v1.0/images/{part}/{key}"] = image(30 * at, "png")
        listing = {"info": {"split": part, "license": "x"}, "scenes": scenes}
        files[f"CLEVR_v1.0/scenes/CLEVR_{part}_scenes.json"] = json.dumps(
            listing, indent=1 if packed else None
        ).encode()
        facts[split] = rows
    if packed:
        archives.write_zip(tmp_path / "CLEVR_v1.0.zip", files)
    else:
        archives.write_folder(tmp_path, files)
    check(small(name, SCENES, facts), tmp_path, SCENES, facts)  # type: ignore[arg-type]


def kitti_line(kind: str, metres: float) -> str:
    return f"{kind} 0.00 0 -1.57 1.0 2.0 3.0 4.0 1.5 1.6 3.9 -1.0 1.5 {metres:.2f} 0.1\n"


def kitti_files() -> tuple[dict[str, dict[str, bytes]], Facts]:
    """Twenty videos of two images each, two of the videos for testing and two for validation."""
    order = np.random.default_rng(0).permutation(40) + 1
    frames = "".join(f"2011_09_26 drive_{line // 2:04} {line:010}\n" for line in range(40))
    kit = {"mapping/train_rand.txt": ",".join(map(str, order)).encode(), "mapping/train_mapping.txt": frames.encode()}
    pictures, notes = {}, {}
    texts = ["Car 5", "Van 8", "Truck 19.5", "Cyclist 3", ""]
    wanted = [0, 0, 1, 3, 3]
    rows = {}
    for number in range(40):
        kind, _, metres = texts[number % 5].partition(" ")
        line = kitti_line(kind, float(metres)) + kitti_line("Van", 60.0) * (number % 5 < 3) if kind else ""
        notes[f"training/label_2/{number:06}.txt"] = (line + kitti_line("DontCare", -1000.0)).encode()
        pictures[f"training/image_2/{number:06}.png"] = image(6 * number, "png")
        rows[number] = (wanted[number % 5], 6 * number)
    parts = kitti.divided([line - 1 for line in order], [f"drive_{line // 2:04}" for line in range(40)])
    facts = {split: {f"{number:06}.png": rows[number] for number in numbers} for split, numbers in parts.items()}
    names = ("data_object_image_2", "data_object_label_2", "devkit_object")
    return dict(zip(names, (pictures, notes, kit), strict=True)), facts  # type: ignore[return-value]


@pytest.mark.parametrize("packed", [True, False])
def test_kitti(tmp_path: Path, packed: bool) -> None:
    files, facts = kitti_files()
    assert [len(facts[split]) for split in ("train", "validation", "test")] == [32, 4, 4]
    for name, members in files.items():
        if packed:
            archives.write_zip(tmp_path / "kitti" / f"{name}.zip", members)
        else:
            archives.write_folder(tmp_path / "kitti", members)
    check(small("kitti_distance", GIVEN, facts), tmp_path, GIVEN, facts)


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


def dmlab_task(folder: Path) -> tuple[Task, Facts]:
    facts = {}
    for split, count in (("train", 9), ("validation", 3), ("test", 4)):
        rows = {f"{split}_{at}.png": (at % 6, 25 * at) for at in range(count)}
        blobs = [
            archives.example({"image": image(shade, "png"), "filename": key.encode(), "label": label})
            for key, (label, shade) in rows.items()
        ]
        for shard in range(2):
            name = f"dmlab-{split}.tfrecord-{shard:05}-of-00002"
            (folder / name).write_bytes(archives.tfrecord(blobs[shard::2]))
        facts[split] = rows
    return small("dmlab", GIVEN, facts), facts  # type: ignore[arg-type, return-value]


def test_dmlab(tmp_path: Path) -> None:
    task, facts = dmlab_task(tmp_path)
    check(task, tmp_path, GIVEN, facts)


def test_a_record_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    task, _ = dmlab_task(tmp_path)
    path = tmp_path / "dmlab-train.tfrecord-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"dmlab-train.* is cut off; it may be half downloaded or unpacked"):
        task.find(tmp_path).load()


def test_dmlab_is_to_be_unpacked(tmp_path: Path) -> None:
    archives.write_tar(tmp_path / "dmlab.tar.gz", {"dmlab-train.tfrecord": b""})
    task = small("dmlab", GIVEN, {"train": shades(6, 6)})
    with pytest.raises(UserError, match=r"dmlab\.tar\.gz is read unpacked; run `tar -xf "):
        task.find(tmp_path)


def test_retinopathy(tmp_path: Path) -> None:
    eyes = {
        "train": [("10_left", 2, ""), *[(f"{at}_right", at % 5, "") for at in range(11, 16)]],
        "validation": [(f"{at}_left", at % 5, "Public") for at in range(2, 5)],
        "test": [(f"{at}_left", 4, "Private") for at in (1, 5, 6)],
    }
    for split, rows in eyes.items():
        folder = tmp_path / ("train" if split == "train" else "test")
        archives.write_folder(folder, {f"{name}.jpeg": archives.flat(90, "jpeg", (80, 60)) for name, _, _ in rows})
    table = "".join(f"{name},{level}\n" for name, level, _ in eyes["train"])
    (tmp_path / "trainLabels.csv").write_text("image,level\n" + table)
    table = "".join(
        f"{name},{level},{usage}\n" for split in ("validation", "test") for name, level, usage in eyes[split]
    )
    (tmp_path / "retinopathy_solution.csv").write_text("image,level,Usage\n" + table)
    facts: Facts = {split: {name: (level, 128) for name, level, _ in rows} for split, rows in eyes.items()}
    unmarked = ((128, 128, 128), (128, 128, 128))  # as every photograph's corners, outside of the retina
    check(small("retinopathy", GIVEN, facts), tmp_path, GIVEN, facts, near=2, marks=unmarked)


def test_retinas_are_neither_turned_nor_recoloured() -> None:
    down, across = np.indices((400, 500))
    photograph = np.where(np.hypot(down - 200, across - 250) < 180, 90, 0).astype(np.uint8)[:, :, None].repeat(3, 2)
    photograph[120:150, 300:330] = (200, 60, 60)  # above the centre and to its right
    pixels = retinas.evened(photograph).astype(int)
    assert pixels.shape == (540, 540, 3)  # the radius of 180 is scaled to 300, of which nine tenths are kept
    row, column = np.unravel_index((pixels[:, :, 0] - pixels[:, :, 2]).argmax(), pixels.shape[:2])
    assert 270 - 80 * 300 / 180 <= row <= 270 - 50 * 300 / 180
    assert 270 + 50 * 300 / 180 <= column <= 270 + 80 * 300 / 180


# Label rules


def test_distances_are_binned_below_their_thresholds() -> None:
    clevr = [labels.clevr_distance([value]) for value in (0.1, 8.0, 8.001, 8.5, 9.2, 9.7, 10.0, 12.0)]
    assert clevr == [0, 0, 1, 1, 3, 4, 4, 5]
    assert labels.clevr_distance([8.500000000001]) == 1  # equal to 8.5 in single precision
    assert [labels.kitti_distance(metres) for metres in ([8.0], [8.01, 90], [20.0], [500], [], [-5])] == [
        0,
        1,
        1,
        2,
        3,
        0,
    ]
    assert labels.clevr_count([9.0] * 3) == 0 and labels.clevr_count([9.0] * 10) == 7


def test_sprites_are_binned_evenly() -> None:
    assert np.bincount(labels.dsprites_location(np.arange(32))).tolist() == [2] * 16
    assert labels.dsprites_orientation(np.arange(40)).tolist() == [int(at / 2.5) for at in range(40)]


# Archives


def test_a_tar_that_points_outside_is_refused(tmp_path: Path) -> None:
    archives.write_tar(tmp_path / "dtd-r1.0.1.tar.gz", {"../labels/train1.txt": b""})
    task = small("dtd", GIVEN, {"train": shades(6, 6)})
    with pytest.raises(UserError, match="points outside of it"):
        task.find(tmp_path).load()


def test_a_half_downloaded_tar_is_named(tmp_path: Path) -> None:
    files, facts = texture_files()
    archives.write_tar(tmp_path / "dtd-r1.0.1.tar.gz", files)
    whole = (tmp_path / "dtd-r1.0.1.tar.gz").read_bytes()
    (tmp_path / "dtd-r1.0.1.tar.gz").write_bytes(whole[: len(whole) // 2])
    task = small("dtd", GIVEN, facts)
    with pytest.raises(UserError, match=r"dtd-r1\.0\.1\.tar\.gz is not a whole tar file .*: download it again"):
        task.find(tmp_path).load()
