"""Directories prepared by tensorflow-datasets: what is read, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets
from array_record.python.array_record_module import ArrayRecordWriter

from bench.spec import UserError
from tests import archives, tf_examples
from tests.archives import GIVEN, ONE, SCENES, TOYS, TRAIN_TEST, Facts, Small, image, shades
from tests.conftest import REPOSITORY


def write_info(folder: Path, name: str, sizes: Mapping[str, int], kind: str | None = "array_record") -> None:
    """`dataset_info.json` as tensorflow-datasets writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = [
        {"name": split, "shardLengths": [str(size)], "numBytes": "1", "filepathTemplate": TEMPLATE}
        for split, size in sizes.items()
    ]
    info: dict[str, Any] = {"name": name, "version": folder.name, "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(info | ({"fileFormat": kind} if kind else {})))


TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


@pytest.mark.parametrize("kind", ["tfrecord", None, "parquet"])
def test_other_formats_are_refused_with_the_command_that_converts_them(tmp_path: Path, kind: str | None) -> None:
    task = Small("svhn", TRAIN_TEST, {"train": {0: (0, 0)}}).task
    write_info(tmp_path / "svhn_cropped" / "3.1.0", "svhn_cropped", {"train": 1}, kind)
    with pytest.raises(
        UserError, match=r"is prepared as (TFRECORD|PARQUET) and .*`tfds convert_format --out_file_format="
    ):
        task.find(tmp_path)


def test_the_authors_files_serve_where_a_prepared_directory_cannot(tmp_path: Path) -> None:
    task, facts = Small("cifar100", TRAIN_TEST, CIFAR).task, CIFAR
    write_info(tmp_path / "cifar100" / "3.0.2", "cifar100", {"train": 1}, "tfrecord")
    rows = {
        split: b"".join(bytes([0, label]) + bytes([shade]) * 3072 for label, shade in keys.values())
        for split, keys in facts.items()
    }
    archives.write_folder(tmp_path, {f"cifar-100-binary/{split}.bin": blob for split, blob in rows.items()})
    assert task.find(tmp_path).pipeline == "authors' files, pixels as stored"


CIFAR: Facts = {"train": {row: (row, row) for row in range(9)}, "test": {row: (row, row) for row in range(4)}}


Features = Mapping[str, Any]
Record = Callable[[int, int], dict[str, Any]]  # label and shade → the features of an example


def plain(label: int, shade: int) -> dict[str, Any]:
    return {"image": image(shade, "png"), "label": label}


def prepare(folder: Path, small: Small, record: Record, features: Callable[[Any], Features]) -> None:
    """A small data set in the prepared format, whose rows are in the order of its facts."""
    origin = archives.recipe(small.name).origin
    name, version = origin.builder.partition("/")[0], origin.versions[0]
    place = folder / origin.builder / version
    write_info(place, name, {split: len(rows) for split, rows in small.facts.items()})
    tensorflow_datasets.features.FeaturesDict(features(tensorflow_datasets.features)).save_config(place)
    for split, rows in small.facts.items():
        file = ArrayRecordWriter(str(place / f"{name}-{split}.array_record-00000-of-00001"), "group_size:1")
        for label, shade in rows.values():
            file.write(tf_examples.example(record(label, shade)))
        file.close()


def expect(small: Small, folder: Path) -> None:
    """Prepared rows are in their order already."""
    data = small.task.find(folder).load()
    shape, facts = small.shape, small.facts
    kept = {split: list(keys.values()) for split, keys in facts.items()}
    wanted = [fact for split, part in shape.train for fact in kept[split][part]]
    assert list(zip(data.train.labels.tolist(), decoded_shades(data.train.images, len(wanted)), strict=True)) == wanted
    test = data.tests["test"]
    wanted = kept[shape.test[0]][shape.test[1]]
    assert list(zip(test.labels.tolist(), decoded_shades(test.images, len(wanted)), strict=True)) == wanted


def decoded_shades(images: Any, count: int) -> Sequence[int]:
    with ThreadPoolExecutor(4) as pool:
        return [int(pixels[0, 0, 2]) for pixels in pool.map(images.decode, range(count))]


def a_label(features: Any) -> Features:
    return {"image": features.Image(), "label": features.ClassLabel(num_classes=1000)}


@pytest.mark.parametrize(
    ("name", "shape", "splits"),
    [
        ("cifar100", TRAIN_TEST, {"train": 9, "test": 4}),
        ("eurosat", ONE, {"train": 12}),
        ("dtd", GIVEN, {"train": 5, "validation": 3, "test": 4}),
        ("retinopathy", GIVEN, {"train": 5, "validation": 3, "test": 4}),
    ],
)
def test_prepared_directories_are_read(
    tmp_path: Path, name: str, shape: archives.Shape, splits: Mapping[str, int]
) -> None:
    facts = {split: shades(size, 5, size) for split, size in splits.items()}
    small = Small(name, shape, facts)
    prepare(tmp_path / "tensorflow_datasets", small, plain, a_label)
    expect(small, tmp_path)
    assert "array_record" in small.task.find(tmp_path).pipeline


def test_a_prepared_directory_is_read_without_tensorflow(tmp_path: Path, tensorflow: Path) -> None:
    facts: Facts = {"train": shades(12, 5)}
    prepare(tmp_path / "prepared", Small("eurosat", ONE, facts), plain, a_label)
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests import archives\n"
        "task = archives.Small('eurosat', archives.ONE, {'train': dict.fromkeys(range(12), (0, 0))}).task\n"
        "data = task.find(Path(sys.argv[1])).load()\n"
        "print(data.train.images.decode(0).shape, 'tensorflow_datasets' in sys.modules, 'tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tensorflow}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "-c", code, str(tmp_path / "prepared")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "(48, 64, 3) True False\n", done.stderr
    assert not (tensorflow / "tensorflow" / "imported").exists()


def test_prepared_clevr(tmp_path: Path) -> None:
    facts: Facts = {"train": shades(8, 6), "validation": shades(5, 6, 2)}
    small = Small("clevr_distance", SCENES, facts)

    def record(label: int, shade: int) -> dict[str, Any]:
        depth = [4.0, 8.2, 8.7, 9.2, 9.7, 11.0][label]
        return {"image": image(shade, "png"), "objects/pixel_coords": [1.0, 2.0, 99.0, 3.0, 4.0, depth]}

    def features(kinds: Any) -> Features:
        return {
            "image": kinds.Image(),
            "objects": kinds.Sequence({"pixel_coords": kinds.Tensor(shape=(3,), dtype=np.float32)}),
        }

    prepare(tmp_path, small, record, features)
    expect(small, tmp_path)


def test_prepared_kitti(tmp_path: Path) -> None:
    facts: Facts = {"train": shades(8, 4), "validation": shades(3, 4, 1), "test": shades(5, 4, 2)}
    small = Small("kitti_distance", GIVEN, facts)

    def record(label: int, shade: int) -> dict[str, Any]:
        types, metres = ([0, 3], [[5.0, 9.0, 50.0][label], 1.0]) if label < 3 else ([3, 7], [2.0, 1.0])
        places = [part for depth in metres for part in (0.0, 0.0, depth)]
        return {"image": image(shade, "png"), "objects/type": types, "objects/location": places}

    def features(kinds: Any) -> Features:
        thing = {"type": kinds.ClassLabel(num_classes=8), "location": kinds.Tensor(shape=(3,), dtype=np.float32)}
        return {"image": kinds.Image(), "objects": kinds.Sequence(thing)}

    prepare(tmp_path, small, record, features)
    expect(small, tmp_path)


def test_prepared_dsprites_and_smallnorb(tmp_path: Path) -> None:
    sprites: Facts = {"train": {row: (row % 16, 255 * (row % 2)) for row in range(20)}}
    small = Small("dsprites_orientation", ONE, sprites)
    prepare(
        tmp_path,
        small,
        lambda label, shade: {"image": archives.flat(shade // 255), "label_orientation": -(-5 * label // 2)},
        lambda kinds: {"image": kinds.Image(), "label_orientation": kinds.ClassLabel(num_classes=40)},
    )
    expect(small, tmp_path)
    toys: Facts = {"train": shades(6, 18), "test": shades(10, 18, 3)}
    small = Small("smallnorb_azimuth", TOYS, toys)
    prepare(
        tmp_path,
        small,
        lambda label, shade: {"image": image(shade, "png"), "label_azimuth": label},
        lambda kinds: {"image": kinds.Image(), "label_azimuth": kinds.ClassLabel(num_classes=18)},
    )
    expect(small, tmp_path)


def test_a_prepared_directory_that_is_not_whole_is_named(tmp_path: Path) -> None:
    facts: Facts = {"train": shades(9, 5), "test": shades(4, 5)}
    prepare(tmp_path, Small("svhn", TRAIN_TEST, facts), plain, a_label)
    task = Small("svhn", TRAIN_TEST, {**facts, "train": shades(10, 5)}).task
    with pytest.raises(UserError, match=r"has 9 images in train where there should be 10; prepare it again"):
        task.find(tmp_path).load()
