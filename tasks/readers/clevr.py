"""CLEVR: rendered scenes whose descriptions give the number of objects and how far away they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.spec import UserError
from tasks.readers.files import Files, FolderFiles, text
from tasks.readers.labels import clevr_count, clevr_distance
from tasks.readers.lists import identity, root
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Pool, Raw
from tasks.readers.zips import ZipFiles

PNG = "authors' files, PNG by Pillow"
PARTS = {"train": "train", "validation": "val"}


def count(data: Path) -> Raw | None:
    """The number of objects."""
    return clevr(data, clevr_count)


def distance(data: Path) -> Raw | None:
    """How far the closest object is."""
    return clevr(data, clevr_distance)


def clevr(data: Path, label: Callable[[Sequence[float]], int]) -> Raw | None:
    """`CLEVR_v1.0.zip` or the folder unpacked from it: `images/train/…png` and `scenes/CLEVR_train_scenes.json`."""
    place = locate(data, ["scenes/CLEVR_train_scenes.json", "CLEVR_v1.0.zip"])
    if place is None:
        return None
    files: Files = ZipFiles(place) if place.suffix == ".zip" else FolderFiles(place.parent.parent)

    def pool(split: str) -> Pool:
        part = PARTS[split]
        listing = f"scenes/CLEVR_{part}_scenes.json"
        top = root(files, listing)
        found = list(scenes(text(files, top + listing), files.where(top + listing)))
        names = [f"{top}images/{part}/{image}" for image, _ in found]
        return Pool([image for image, _ in found], [label(depths) for _, depths in found], Encoded(files, names))

    return Raw(files.path, PNG, pool, identity(files))


def scenes(listing: str, where: str) -> Iterator[tuple[str, list[float]]]:
    """Image name and depth of each object, scene by scene: parsed at once, the file would take gigabytes of memory.

    Raises UserError when the file is damaged.
    """
    decoder = json.JSONDecoder()
    try:
        at = listing.index("[", listing.index('"scenes"'))
        while listing[at] != "]":
            at = listing.index("{", at)
            scene, at = decoder.raw_decode(listing, at)
            yield scene["image_filename"], [thing["pixel_coords"][2] for thing in scene["objects"]]
            at += len(listing[at : at + 64]) - len(listing[at : at + 64].lstrip(" \r\n\t,"))
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{where} is damaged; get it again") from error
