"""Pictures that are decoded when they are asked for, from any thread: image files, arrays, selections of either."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from bench.spec import Images, UserError
from tasks.readers.files import Files

if TYPE_CHECKING:
    from PIL.Image import Image

WIDE = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # Pillow's modes of 16 bits a pixel, or more


@dataclass(frozen=True)
class Encoded:
    """Image files inside a folder or an archive.

    `upright` turns a picture as its EXIF orientation says; tensorflow-datasets does not, so the VTAB tasks do not.
    """

    files: Files
    names: Sequence[str]
    upright: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3). Raises UserError naming a file that cannot be decoded."""
        name = self.names[index]
        return rgb(self.files.read(name), self.files.where(name), upright=self.upright)

    def take(self, chosen: Sequence[int]) -> Encoded:
        """Some of the images; an archive that cannot be read in place takes them into memory."""
        names = [self.names[at] for at in chosen]
        self.files.hold(names)
        return replace(self, names=names)


@dataclass(frozen=True)
class Arrays:
    """Images that are rows of an array (n, …); `pixels` makes a row uint8 (height, width, 3)."""

    rows: np.ndarray
    pixels: Callable[[np.ndarray], np.ndarray] = np.array

    def __len__(self) -> int:
        return len(self.rows)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3)."""
        return self.pixels(self.rows[index])

    def take(self, chosen: Sequence[int]) -> Arrays:
        """Some of the images, without keeping the others in memory."""
        return replace(self, rows=self.rows[np.asarray(chosen, np.int64)])


@dataclass(frozen=True)
class Selection:
    """Some images out of several sets, in a given order: (set, index within it)."""

    sets: Sequence[Images]
    chosen: Sequence[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.chosen)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3)."""
        which, inner = self.chosen[index]
        return self.sets[which].decode(inner)


def grey(row: np.ndarray) -> np.ndarray:
    """Grey pixels (height, width) as three equal channels (height, width, 3)."""
    return np.repeat(row[:, :, None], 3, axis=2)


def rgb(blob: bytes, where: str, *, upright: bool = False) -> np.ndarray:
    """Decodes an image file to uint8 (height, width, 3); the first frame of an animation.

    Transparent pixels are laid on white; 16-bit and floating-point greys keep their scale (full range, and 0..1).
    Raises UserError naming `where` when it cannot be decoded.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # here, because listing and planning decode nothing

    try:
        with Image.open(BytesIO(blob)) as image:
            image.load()
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.array(to_rgb(turned or image))
    except UnidentifiedImageError as error:
        raise UserError(f"{where} is not an image; put a whole copy in its place, or remove it") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        # SyntaxError and struct.error are what Pillow raises inside broken PNG and TIFF files.
        raise UserError(
            f"{where} cannot be decoded ({first_line(error)}); put a whole copy in its place, or remove it"
        ) from error


def to_rgb(image: Image) -> Image:
    """The picture in eight-bit RGB, whatever its mode."""
    from PIL import Image as pillow

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in WIDE:
        return pillow.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        return pillow.fromarray((np.asarray(image).clip(0, 1) * 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def first_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
