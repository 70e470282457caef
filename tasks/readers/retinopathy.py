"""Diabetic retinopathy: photographs of whole retinas, evened out the way the winner of the 2015 competition did it.

tensorflow-datasets' configuration btgraham-300 (`image_classification/diabetic_retinopathy_detection.py`) does this
with OpenCV when it prepares the data. Here the same steps are done with Pillow and scipy: the retina is scaled to a
radius of 300 pixels, the local average is subtracted, nine tenths of the radius are kept on grey, and the result goes
through JPEG at quality 72. Pixels come out close to the prepared ones, not equal to them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from bench.images.decode import rgb
from bench.spec import UserError
from tasks.readers.files import FolderFiles
from tasks.readers.lists import identity
from tasks.readers.locate import locate
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Pool, Raw

PIPELINE = "authors' files, evened out as btgraham-300 with Pillow and scipy"
USAGES = {"validation": "Public", "test": "Private"}  # the two leaderboards
RADIUS, KEPT, GREY, QUALITY = 300, 0.9, 128, 72
SIGMA, TAPS = RADIUS / 30, 3.0  # of the local average, and how many sigmas it reaches
CONTRAST = 4


@dataclass(frozen=True)
class Retinas:
    """Photographs that are evened out when they are decoded."""

    photographs: Encoded

    def __len__(self) -> int:
        return len(self.photographs)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8, at most (540, 540, 3). Raises UserError naming a file that cannot be decoded."""
        return evened(self.photographs.decode(index))

    def take(self, chosen: Sequence[int]) -> Retinas:
        """Some of the images."""
        return replace(self, photographs=self.photographs.take(chosen))


def retinopathy(data: Path) -> Raw | None:
    """`train/10_left.jpeg` and so on with trainLabels.csv, `test/1_left.jpeg` and so on with the solution file."""
    found = [locate(data, [name]) for name in ("train/10_left.jpeg", "test/1_left.jpeg")]
    tables = [locate(data, [name]) for name in ("trainLabels.csv", "retinopathy_solution.csv")]
    paths = [path for path in (*found, *tables) if path is not None]
    if len(paths) < len(found) + len(tables):
        return None
    train, test = FolderFiles(paths[0].parent), FolderFiles(paths[1].parent)

    def pool(split: str) -> Pool:
        rows = table(paths[2] if split == "train" else paths[3], USAGES.get(split))
        photographs = Encoded(train if split == "train" else test, [f"{name}.jpeg" for name, _ in rows])
        return Pool([name for name, _ in rows], [label for _, label in rows], Retinas(photographs))

    return Raw(train.path.parent, PIPELINE, pool, identity(train, test, paths[2], paths[3]))


def table(path: Path, usage: str | None) -> list[tuple[str, int]]:
    """Names and grades of a table, of one usage if it is given. Raises UserError for a table of another form."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if usage is None or row["Usage"] == usage]
        return [(row["image"], int(row["level"])) for row in rows]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} has no columns image, level and Usage as published; download it again") from error


def evened(photograph: np.ndarray) -> np.ndarray:
    """A photograph (height, width, 3) scaled, with its local average taken away, masked and cropped to the retina."""
    image = scaled(photograph)
    image = masked(contrasted(image))
    return recoded(image)


def scaled(photograph: np.ndarray) -> np.ndarray:
    """The retina at a radius of 300 pixels, judged by the middle row; bilinear without smoothing, as OpenCV does it."""
    from PIL import Image  # here, because listing and planning decode nothing

    row = photograph[len(photograph) // 2].sum(axis=1, dtype=np.int64)
    radius = float((row > row.mean() / 10).sum() / 2)
    scale = RADIUS / (radius if radius >= 1 else len(photograph) / 2)  # a dark picture has no radius to be seen
    height, width = (round(side * scale) for side in photograph.shape[:2])
    matrix = (1 / scale, 0.0, 0.0, 0.0, 1 / scale, 0.0)
    picture = Image.fromarray(photograph)
    return np.array(picture.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def contrasted(image: np.ndarray) -> np.ndarray:
    """Four times the difference from the local average, around grey."""
    from scipy.ndimage import gaussian_filter  # here, because it is slow to import

    sigma = (SIGMA, SIGMA, 0)
    average: np.ndarray = gaussian_filter(image.astype(np.float32), sigma, mode="mirror", truncate=TAPS).round()
    return np.asarray((CONTRAST * (image - average) + GREY).clip(0, 255))


def masked(image: np.ndarray) -> np.ndarray:
    """Grey outside of nine tenths of the radius, cropped to that."""
    radius = int(RADIUS * KEPT)
    middle = [side // 2 for side in image.shape[:2]]
    down, across = (np.arange(side) - centre for side, centre in zip(image.shape[:2], middle, strict=True))
    image = np.where((down[:, None] ** 2 + across**2 <= radius**2)[:, :, None], image, GREY)
    rows, columns = (slice(max(centre - radius, 0), centre + radius) for centre in middle)
    return image[rows, columns].astype(np.uint8)


def recoded(image: np.ndarray) -> np.ndarray:
    """What JPEG at quality 72 leaves of an image."""
    from PIL import Image  # here, because listing and planning decode nothing

    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "jpeg", quality=QUALITY, subsampling="4:2:0")
    return rgb(buffer.getvalue(), "the image")
