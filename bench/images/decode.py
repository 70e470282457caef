"""From the bytes of an image file to pixels, the same way for every reader; and which files are images."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from bench.spec import UserError

if TYPE_CHECKING:
    from PIL.Image import Image
READ = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm",
    ".tga",
)  # endings of image files  # fmt: skip
WIDE = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # Pillow's modes of 16 bits a pixel, or more


def rgb(blob: bytes, where: str, *, upright: bool = False) -> np.ndarray:
    """Pixels uint8 (height, width, 3) of an image file; of an animation, the first frame.

    Transparent pixels are laid on white. Greys of 16 bits are scaled from the full range, floating-point ones from
    0..1. `upright` turns the image as its EXIF orientation says. Raises UserError, naming `where` the bytes are from,
    if they cannot be decoded.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # here, because it is slow to import

    try:
        with Image.open(BytesIO(blob)) as image:
            image.load()
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.array(to_rgb(turned or image))
    except UnidentifiedImageError as error:
        raise UserError(f"{where} is not an image; put a whole copy in its place, or remove it") from error
    except Image.DecompressionBombError as error:
        raise UserError(
            f"{where} is too large: {first_line(error).partition(',')[0].lower()}; scale it down, or remove it"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        # SyntaxError and struct.error are what Pillow raises inside broken PNG and TIFF files.
        raise UserError(
            f"{where} cannot be decoded ({first_line(error)}); put a whole copy in its place, or remove it"
        ) from error


def to_rgb(image: Image) -> Image:
    """The image in eight-bit RGB, whatever its mode."""
    from PIL import Image as pillow  # here, because it is slow to import

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
    """The first line of what an exception says, or the name of its type."""
    return (str(error).splitlines() or [type(error).__name__])[0]
