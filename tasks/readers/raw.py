"""From a raw copy to a task: readers make pools of images of the authors' files, and the rest is done here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.spec import Data, Found, Images, Split, Task, UserError
from tasks.order import Key, md5_order, spans
from tasks.readers.digest import digest, files_digest
from tasks.readers.example import Example
from tasks.readers.labels import plain
from tasks.readers.origins import Origin
from tasks.readers.pixels import Encoded, Selection


class Store(Protocol):
    """All images of a split, of which a task uses some."""

    def take(self, chosen: Sequence[int]) -> Images:
        """Those that will be used, in order; what they need is opened or held from now on, and nothing else."""
        ...


@dataclass(frozen=True)
class Pool:
    """One prepared split of a raw copy, in the order of the files: keys, labels (n,) and images."""

    keys: Sequence[Key]
    labels: Sequence[int] | np.ndarray
    images: Store


@dataclass(frozen=True)
class Raw:
    """A raw copy that was found."""

    place: Path
    pipeline: str  # how its files become pixels
    pool: Callable[[str], Pool]  # by the name of a prepared split
    identity: str = ""  # digest of its contents; if empty, that of the names, CRC-32 and labels of the images used


@dataclass(frozen=True)
class Recipe:
    """A row of VTAB-1k: which images it takes out of which data set, and what their labels mean."""

    name: str  # "group/task"
    origin: Origin
    splits: tuple[str, str, str]  # train800, val200, test: expressions as `tasks.order.spans` reads them
    classes: int
    tests: int  # test images
    summary: str
    popular: tuple[str, ...]  # its names in copies of the vtab-1k folder
    augment: frozenset[str]
    raw: Callable[[Path], Raw | None]  # finds the authors' files under a data folder
    label: Callable[[Example], int] = plain  # the label of an example prepared by tensorflow-datasets
    scale: int = 1  # what its pixels are multiplied by


Pools = Callable[[str], Pool]
Picks = Mapping[str, Sequence[tuple[str, int]]]  # "train", "val", "test" → (split, position in its pool), in order


def found(task: Task, raw: Raw) -> Found:
    """A raw copy as a task's data; nothing is decoded before `load`.

    Raises UserError when the copy has another number of images than its authors published, or a file is cut off.
    """
    recipe: Recipe = task.facts["recipe"]
    check_sizes(raw.place, recipe.origin)
    identity = raw.identity or marks(task, raw)
    return Found(
        pipeline=raw.pipeline,
        fingerprint=digest([task.name, raw.pipeline, recipe.origin.builder, *recipe.splits, identity]),
        load=lambda: assemble(task, raw),
        place=raw.place,
        exactness=recipe.origin.exactness,
    )


def check_sizes(place: Path, origin: Origin) -> None:
    """Raises UserError for a file in use that is smaller than its authors', so that it is noticed before it is opened.

    A zip notices by itself; archives in the folder that was unpacked from them are not in use.
    """
    packed, folder = place.is_file(), place.parent if place.is_file() else place
    for each in origin.downloads:
        path = folder / each.name
        if path.suffix == ".zip" or not (packed or ".mat" in each.name) or not path.is_file():
            continue
        if (size := path.stat().st_size) < each.size:
            raise UserError(
                f"{path} has {size:,} of {each.size:,} bytes; it may be half downloaded: download it again, or unpack "
                "it if it was packed anew"
            )


def whole(task: Task, raw: Raw, split: str) -> Pool:
    """A pool that has all its images."""
    origin: Origin = task.facts["recipe"].origin
    pool, expected = raw.pool(split), origin.sizes[split]
    if abs(len(pool.keys) - expected) > origin.tolerance:
        raise UserError(
            f"{raw.place} holds {len(pool.keys):,} images of the {split} split of {task.name} where there should be "
            f"{expected:,}; get a whole copy from {task.source}"
        )
    return pool


def picks(recipe: Recipe, pools: Pools) -> Picks:
    """Which images VTAB-1k takes, in its order."""
    sizes = {split: len(pools(split).keys) for split in recipe.origin.sizes}
    order = cache(lambda split: md5_order(split, pools(split).keys))
    return {
        part: [(split, order(split)[at]) for split, chosen in spans(rule, sizes) for at in chosen]
        for part, rule in zip(("train", "val", "test"), recipe.splits, strict=True)
    }


def marks(task: Task, raw: Raw) -> str:
    """Digest of the names, contents and labels of the images picked, in order; for pools of image files."""
    pools = cache(lambda split: whole(task, raw, split))
    chosen = []
    for part, places in picks(task.facts["recipe"], pools).items():
        for split, at in places:
            pool = pools(split)
            if not isinstance(pool.images, Encoded):
                raise TypeError("a raw copy without an identity must consist of image files")
            chosen.append((pool.images.files, pool.images.names[at], f"{part} {pool.keys[at]} {pool.labels[at]}"))
    return files_digest(chosen)


def assemble(task: Task, raw: Raw) -> Data:
    """The splits: training images followed by validation images, and the test images."""
    recipe: Recipe = task.facts["recipe"]
    pools = cache(lambda split: whole(task, raw, split))  # forgotten afterwards, as some hold whole data sets
    picked = picks(recipe, pools)
    train = pick(task, [*picked["train"], *picked["val"]], pools, raw.place)
    test = pick(task, picked["test"], pools, raw.place)
    return Data(
        train=replace(train, validation=len(picked["val"]), augment=recipe.augment),
        tests={"test": test},
    )


def pick(task: Task, chosen: Sequence[tuple[str, int]], pools: Pools, place: Path) -> Split:
    """Some images out of the pools, with their labels. Raises UserError for a label that the task does not have."""
    labels = np.array([pools(split).labels[at] for split, at in chosen], dtype=np.int64)
    if labels.min() < 0 or labels.max() >= task.classes:
        raise UserError(
            f"{place} has a label outside 0..{task.classes - 1} of {task.name}; get it again from {task.source}"
        )
    names = sorted({split for split, _ in chosen})
    taken = [pools(name).images.take([at for split, at in chosen if split == name]) for name in names]
    following = [count() for _ in names]  # the next image within those taken from a split
    images = Selection(taken, [(which := names.index(split), next(following[which])) for split, _ in chosen])
    return Split(images=images, labels=labels, classes=task.classes)
