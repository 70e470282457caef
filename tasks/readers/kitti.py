"""KITTI object detection: how far the closest vehicle is. Its splits keep the images of a video together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.spec import UserError
from tasks.readers.archives import folder_or_archive, identity, root
from tasks.readers.files import Files, FolderFiles, text
from tasks.readers.labels import KITTI_VEHICLES, kitti_distance
from tasks.readers.pixels import Encoded
from tasks.readers.raw import PNG, Pool, Raw

SEED, SHARE = 123, 10  # numpy's seed, and per cent of the videos for each of testing and validation
DEPTH = 13  # field of a label line: z of the object's location, in metres


def kitti(data: Path) -> Raw | None:
    """The zips of left colour images, of training labels and of the development kit, or what is unpacked from them."""
    images = folder_or_archive(data, "training/image_2", ["data_object_image_2.zip"])
    labels = folder_or_archive(data, "training/label_2", ["data_object_label_2.zip"])
    kit = folder_or_archive(data, "mapping/train_rand.txt", ["devkit_object.zip"])
    if images is None or labels is None or kit is None:
        return None
    top = "" if isinstance(images, FolderFiles) else root(images, "training/image_2/000000.png")

    def pool(split: str) -> Pool:
        numbers = divided(*mapping(kit))[split]
        keys = [f"{number:06}.png" for number in numbers]
        found = [label(labels, number) for number in numbers]
        return Pool(keys, found, Encoded(images, [f"{top}training/image_2/{key}" for key in keys]))

    parts = {str(files.path): files for files in (images, labels, kit)}
    return Raw(images.path, PNG, pool, identity(*parts.values()))


def label(files: Files, number: int) -> int:
    """Label of an image: the bin of its closest vehicle. Raises UserError for a label file of another form."""
    name = f"training/label_2/{number:06}.txt"
    rows = [line.split() for line in text(files, name).splitlines() if line.strip()]
    try:
        return kitti_distance(float(row[DEPTH]) for row in rows if row[0] in KITTI_VEHICLES)
    except (IndexError, ValueError) as error:
        raise UserError(f"{files.where(name)} is not a label file of KITTI; get it again") from error


def mapping(kit: Files) -> tuple[list[int], list[str]]:
    """For each image its line in the list of frames, counted from 0; and for each such line its video.

    Raises UserError if the two lists do not belong together.
    """
    top = root(kit, "mapping/train_rand.txt")
    numbers, frames = (text(kit, f"{top}mapping/train_{name}.txt") for name in ("rand", "mapping"))
    try:
        lines = [int(number) - 1 for number in numbers.split(",")]
        videos = [frame.split(" ")[1] for frame in frames.splitlines()]
        if max(lines) >= len(videos):
            raise ValueError("a frame is missing")
    except (ValueError, IndexError) as error:
        raise UserError(f"{top}mapping in {kit.path} is not whole ({error}); get devkit_object.zip again") from error
    return lines, videos


def divided(lines: Sequence[int], videos: Sequence[str]) -> Mapping[str, list[int]]:
    """Image numbers of each split: a tenth of the videos is for testing, another tenth for validation.

    They are drawn with numpy's legacy generator as in tensorflow-datasets, `datasets/kitti/kitti_dataset_builder.py`.
    """
    names = sorted({videos[line] for line in lines})
    count = max(1, SHARE * len(names) // 100)
    generator = np.random.RandomState(SEED)
    test = set(generator.choice(names, count, replace=False).tolist())
    validation = set(generator.choice(sorted(set(names) - test), count, replace=False).tolist())
    found: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for number, line in enumerate(lines):
        video = videos[line]
        found["test" if video in test else "validation" if video in validation else "train"].append(number)
    return found
