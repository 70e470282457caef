"""From the authors' files to a task: readers make pools of images, and this module picks what VTAB-1k uses of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.spec import Data, Found, Images, Split, UserError
from tasks.md5_order import Key, md5_order, spans
from tasks.readers.digest import digest, files_digest
from tasks.readers.example import Example
from tasks.readers.labels import plain
from tasks.readers.origins import Origin
from tasks.readers.pixels import Encoded, Selection

# How files become pixels, as records state it.
STORED = "authors' files, pixels as stored"
JPEG = "authors' files, JPEG by Pillow"
PNG = "authors' files, PNG by Pillow"


class Store(Protocol):
    """All images of a split, of which a task uses some."""

    def take(self, chosen: Sequence[int]) -> Images:
        """The images at some positions, in that order. What they need is opened, or read into memory, now."""
        ...


@dataclass(frozen=True)
class Pool:
    """One split of a raw copy, in the order of its files: keys, labels (n,) and images."""

    keys: Sequence[Key]
    labels: Sequence[int] | np.ndarray
    images: Store


@dataclass(frozen=True)
class Raw:
    """The authors' files of a data set, as they were found."""

    place: Path
    pipeline: str  # how its files become pixels
    pool: Callable[[str], Pool]  # by the name of a split
    identity: str = ""  # digest of its contents; empty: names, contents and labels of the images in use identify it


@dataclass(frozen=True)
class Recipe:
    """A row of VTAB-1k: which images a task takes out of which data set, and what their labels mean."""

    name: str  # of the task
    origin: Origin
    splits: tuple[str, str, str]  # train800, val200, test: expressions that `tasks.md5_order.spans` reads
    classes: int
    tests: int  # test images
    summary: str
    folders: tuple[str, ...]  # its names in vtab-1k folders
    augment: frozenset[str]
    raw: Callable[[Path], Raw | None]  # finds the authors' files below a data folder
    label: Callable[[Example], int] = plain  # the label of an example that tensorflow-datasets prepared
    scale: int = 1  # what the pixels of such an example are multiplied by


Pools = Callable[[str], Pool]
Picks = Mapping[str, Sequence[tuple[str, int]]]  # "train", "val", "test" → (split, position in its pool), in order


def found(recipe: Recipe, raw: Raw) -> Found:
    """A task out of a raw copy. Nothing is decoded before `load`.

    Raises UserError if the copy has another number of images than its authors published, or a file is cut off.
    """
    check_sizes(raw.place, recipe.origin)
    identity = raw.identity or marks(recipe, raw)
    return Found(
        pipeline=raw.pipeline,
        fingerprint=digest([recipe.name, raw.pipeline, recipe.origin.builder, *recipe.splits, identity]),
        load=lambda: assemble(recipe, raw),
        train_images=1000,
        test_images=recipe.tests,
        place=raw.place,
        exactness=recipe.origin.exactness,
    )


def check_sizes(place: Path, origin: Origin) -> None:
    """Raises UserError for a file in use that is smaller than its authors', so that this shows before it is opened.

    Zips are not looked at, as they notice it themselves; nor are archives beside the folder unpacked from them.
    """
    packed, folder = place.is_file(), place.parent if place.is_file() else place
    for each in origin.source.downloads:
        path = folder / each.name
        if path.suffix == ".zip" or not (packed or ".mat" in each.name) or not path.is_file():
            continue
        if (size := path.stat().st_size) < each.size:
            raise UserError(
                f"{path} has {size:,} of {each.size:,} bytes; it may be half downloaded: download it again, or unpack "
                "it if it was packed anew"
            )


def whole(recipe: Recipe, raw: Raw, split: str) -> Pool:
    """A pool with all its images. Raises UserError if there are more or fewer than were published."""
    origin = recipe.origin
    pool, expected = raw.pool(split), origin.sizes[split]
    if abs(len(pool.keys) - expected) > origin.tolerance:
        raise UserError(
            f"{raw.place} holds {len(pool.keys):,} images of the {split} split of {recipe.name} where there should be "
            f"{expected:,}; get a whole copy from {origin.source.link}"
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


def marks(recipe: Recipe, raw: Raw) -> str:
    """Digest of the names, contents and labels of the images in use, in order. Their pools must be image files."""
    pools = cache(lambda split: whole(recipe, raw, split))
    chosen = []
    for part, places in picks(recipe, pools).items():
        for split, at in places:
            pool = pools(split)
            if not isinstance(pool.images, Encoded):
                raise TypeError("a raw copy without an identity must consist of image files")
            chosen.append((pool.images.files, pool.images.names[at], f"{part} {pool.keys[at]} {pool.labels[at]}"))
    return files_digest(chosen)


def assemble(recipe: Recipe, raw: Raw) -> Data:
    """The splits of a task: training images followed by validation images, and the test images."""
    pools = cache(lambda split: whole(recipe, raw, split))  # forgotten afterwards, as some hold whole data sets
    picked = picks(recipe, pools)
    train = pick(recipe, [*picked["train"], *picked["val"]], pools, raw.place)
    test = pick(recipe, picked["test"], pools, raw.place)
    adapt = replace(train, validation=len(picked["val"]), augment=recipe.augment)
    return Data(train=adapt, tests={"test": test})


def pick(recipe: Recipe, chosen: Sequence[tuple[str, int]], pools: Pools, place: Path) -> Split:
    """Some images out of the pools, with their labels. Raises UserError for a label that the task does not have."""
    labels = np.array([pools(split).labels[at] for split, at in chosen], dtype=np.int64)
    if labels.min() < 0 or labels.max() >= recipe.classes:
        raise UserError(
            f"{place} has a label outside 0..{recipe.classes - 1} of {recipe.name}; "
            f"get it again from {recipe.origin.source.link}"
        )
    names = sorted({split for split, _ in chosen})
    taken = [pools(name).images.take([at for split, at in chosen if split == name]) for name in names]
    following = [count() for _ in names]  # the next image among those taken from a split
    images = Selection(taken, [(which := names.index(split), next(following[which])) for split, _ in chosen])
    return Split(images=images, labels=labels, classes=recipe.classes)
