"""DMLab frames: TFRecord files with one labelled image per record, read in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.images.decode import rgb
from bench.spec import UserError
from tasks.readers.digest import digest, file_digest
from tasks.readers.example import Record, parse, records
from tasks.readers.locate import locate, places
from tasks.readers.raw import Pool, Raw

PIPELINE = "authors' files, image files by Pillow"
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Frames:
    """The images of some records: (file, place in it)."""

    places: Sequence[tuple[Path, Record]]

    def __len__(self) -> int:
        return len(self.places)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3). Raises UserError for an image that cannot be decoded."""
        path, record = self.places[index]
        with path.open("rb") as file:
            file.seek(record.place)
            blob = file.read(record.size)
        return rgb(parse(blob)["image"][0], f"the record at byte {record.place} of {path}")

    def take(self, chosen: Sequence[int]) -> Frames:
        """Some of the images, by position."""
        return Frames([self.places[at] for at in chosen])


def dmlab(data: Path) -> Raw | None:
    """`dmlab-train.tfrecord` and its like, each in one file or several numbered ones, unpacked from `dmlab.tar.gz`.

    Raises UserError if only the tar is there, which cannot be read in place.
    """
    folder = next((Path(place) for place in places(data) if any(Path(place).glob("dmlab-train.tfrecord*"))), None)
    if folder is None:
        archive = locate(data, ["dmlab.tar.gz"])
        if archive is not None:
            raise UserError(f"{archive} is read unpacked; run `tar -xf {archive} -C {archive.parent}`")
        return None
    files = {split: sorted(folder.glob(f"dmlab-{split}.tfrecord*")) for split in SPLITS}

    def pool(split: str) -> Pool:
        keys, labels, where = [], [], []
        for path in files[split]:
            for record, blob in records(path):
                try:
                    example = parse(blob)
                    keys.append(example["filename"][0].decode())
                    labels.append(int(example["label"][0]))
                except (ValueError, KeyError, IndexError) as error:
                    raise UserError(f"the record at byte {record.place} of {path} is damaged; get it again") from error
                where.append((path, record))
        return Pool(keys, labels, Frames(where))

    return Raw(folder, PIPELINE, pool, digest(file_digest(path) for split in SPLITS for path in files[split]))
