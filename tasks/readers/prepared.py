"""A data set that tensorflow-datasets prepared as ARRAY_RECORD, read by its builder and without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from bench.images.decode import first_line, rgb
from bench.spec import Data, Found, Split, UserError
from tasks.md5_order import spans
from tasks.readers.digest import digest
from tasks.readers.example import Example, parse
from tasks.readers.locate import locate
from tasks.readers.origins import UNREPRODUCIBLE, Origin
from tasks.readers.pixels import Selection
from tasks.readers.raw import Recipe

CONVERT = "tfds convert_format --out_file_format=array_record --dataset_version_dir={0} --out_dir={0}"
AGAIN = "prepare the data set again with tensorflow-datasets"
BATCH = 256  # records read at once while labels are collected


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turns what tensorflow-datasets raises for missing or damaged files into a UserError."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{where} cannot be read ({first_line(error)}); {AGAIN}") from error


@dataclass(frozen=True)
class Records:
    """The images of one prepared split, out of serialized tf.Examples."""

    source: Any  # tensorflow_datasets' ArrayRecordDataSource
    where: str
    scale: int  # what pixels are multiplied by
    lock: Lock  # the source opens its files when they are first read, which two threads must not do together

    def __len__(self) -> int:
        return len(self.source)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3). Raises UserError for an image that cannot be decoded."""
        with self.lock, readable(self.where):
            record = self.source[index]
        return rgb(parse(record)["image"][0], f"record {index} of {self.where}") * np.uint8(self.scale)

    def examples(self, chosen: Sequence[int]) -> list[Example]:
        """Some records, by position, without their images. Raises UserError for files that are damaged."""
        found: list[Example] = []
        for start in range(0, len(chosen), BATCH):
            with self.lock, readable(self.where):
                batch = self.source.__getitems__(list(chosen[start : start + BATCH]))
            found += [{name: value for name, value in parse(record).items() if name != "image"} for record in batch]
        return found


def prepared(recipe: Recipe, data: Path) -> Found | None:
    """The task out of a directory that tensorflow-datasets prepared; None if there is none.

    Raises UserError if the directory is damaged, has another format than ARRAY_RECORD, or another version.
    """
    origin = recipe.origin
    info = locate(data, [f"{origin.builder}/{version}/dataset_info.json" for version in origin.versions])
    if info is None:
        refuse_other_versions(origin, data)
        return None
    folder = info.parent
    shards = sorted(folder.glob("*.array_record*"))
    if not shards:
        raise UserError(refusal(folder))
    try:
        json.loads(info.read_text())
    except ValueError as error:
        raise UserError(f"{info} is damaged; {AGAIN}") from error
    pipeline = f"tensorflow-datasets {folder.name} array_record, image files by Pillow"
    sizes = (f"{path.name} {path.stat().st_size}" for path in shards)
    return Found(
        pipeline=pipeline,
        fingerprint=digest([recipe.name, pipeline, *recipe.splits, info.read_text(), *sizes]),
        load=lambda: load(recipe, folder),
        train_images=1000,
        test_images=recipe.tests,
        place=folder,
        exactness=origin.exactness if origin.exactness == UNREPRODUCIBLE else "exact",
    )


def refuse_other_versions(origin: Origin, data: Path) -> None:
    """Raises UserError if the data set is there in a version that may have other images, or another order."""
    folder = locate(data, [origin.builder])
    for info in sorted(folder.glob("*/dataset_info.json")) if folder else ():
        raise UserError(
            f"{info.parent} is version {info.parent.name} of {origin.builder}, and {' or '.join(origin.versions)} is "
            f"read; prepare `{origin.builder}:{origin.versions[0]}` with tensorflow-datasets"
        )


def refusal(folder: Path) -> str:
    """Why a prepared directory cannot be read, with the command that converts it."""
    try:
        kind = json.loads((folder / "dataset_info.json").read_text()).get("fileFormat", "tfrecord").upper()
    except ValueError:
        return f"{folder / 'dataset_info.json'} is damaged; {AGAIN}"
    reason = "its slices are not honoured" if kind == "PARQUET" else "it cannot be read without TensorFlow"
    return f"{folder} is prepared as {kind} and {reason}; convert it to ARRAY_RECORD with `{CONVERT.format(folder)}`"


def load(recipe: Recipe, folder: Path) -> Data:
    """Opens the splits, which are in VTAB's order already, and reads the labels of the images in use."""
    splits = {name: records(recipe, folder, name) for name in recipe.origin.sizes}
    sizes = {name: len(images) for name, images in splits.items()}
    train, val, test = ([(name, at) for name, places in spans(rule, sizes) for at in places] for rule in recipe.splits)
    adapt = replace(pick(recipe, splits, [*train, *val]), validation=len(val), augment=recipe.augment)
    return Data(train=adapt, tests={"test": pick(recipe, splits, test)})


def pick(recipe: Recipe, splits: Mapping[str, Records], chosen: Sequence[tuple[str, int]]) -> Split:
    """Some images out of the prepared splits, (split, position), with their labels."""
    names = sorted({split for split, _ in chosen})
    labels = np.empty(len(chosen), np.int64)
    for name in names:
        mine = [place for place, (split, _) in enumerate(chosen) if split == name]
        examples = splits[name].examples([chosen[place][1] for place in mine])
        labels[mine] = [recipe.label(example) for example in examples]
    images = Selection([splits[name] for name in names], [(names.index(split), at) for split, at in chosen])
    return Split(images, labels, recipe.classes)


def records(recipe: Recipe, folder: Path, split: str) -> Records:
    """A prepared split. Raises UserError if it is damaged or has another number of images than was published."""
    import tensorflow_datasets as tfds  # here, because it is slow to import

    with readable(f"{split} of {folder}"):
        source = tfds.builder_from_directory(folder).as_data_source(
            split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )
        count = len(source)
    expected = recipe.origin.sizes[split]
    if abs(count - expected) > recipe.origin.tolerance:
        raise UserError(
            f"{folder} has {count:,} images in {split} where there should be {expected:,}; prepare it again"
        )
    return Records(source, f"{split} of {folder}", recipe.scale, Lock())
