"""CLEVR: rendered scenes, whose descriptions give the number of objects and how far away they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.spec import UserError
from tasks.readers.archives import folder_or_archive, identity, root
from tasks.readers.files import text
from tasks.readers.labels import clevr_count, clevr_distance
from tasks.readers.pixels import Encoded
from tasks.readers.raw import PNG, Pool, Raw

PARTS = {"train": "train", "validation": "val"}


def count(data: Path) -> Raw | None:
    """CLEVR with the number of objects as labels."""
    return clevr(data, clevr_count)


def distance(data: Path) -> Raw | None:
    """CLEVR with the distance of the closest object as labels."""
    return clevr(data, clevr_distance)


def clevr(data: Path, label: Callable[[Sequence[float]], int]) -> Raw | None:
    """`CLEVR_v1.0.zip` or the folder unpacked from it: `images/train/…png` and `scenes/CLEVR_train_scenes.json`."""
    files = folder_or_archive(data, "scenes/CLEVR_train_scenes.json", ["CLEVR_v1.0.zip"])
    if files is None:
        return None

    def pool(split: str) -> Pool:
        part = PARTS[split]
        listing = f"scenes/CLEVR_{part}_scenes.json"
        top = root(files, listing)
        found = list(scenes(text(files, top + listing), files.where(top + listing)))
        names = [f"{top}images/{part}/{image}" for image, _ in found]
        return Pool([image for image, _ in found], [label(depths) for _, depths in found], Encoded(files, names))

    return Raw(files.path, PNG, pool, identity(files))


def scenes(listing: str, where: str) -> Iterator[tuple[str, list[float]]]:
    """Image name of each scene and the depth of each of its objects. Raises UserError if the file is damaged.

    Scenes are parsed one by one, because the whole file would take gigabytes of memory.
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
