"""From an image file's bytes to pixels: what every reader of image files does alike, and which files are images."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from bench.spec import UserError

if TYPE_CHECKING:
    from PIL.Image import Image
READ = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")  # endings of image files
WIDE = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # Pillow's modes of 16 bits a pixel, or more


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
