"""Image files of every format become eight-bit RGB."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bench.images.decode import rgb
from bench.spec import UserError


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def flat(mode: str, value: object, size: tuple[int, int] = (4, 2)) -> Image.Image:
    return Image.new(mode, size, value)  # type: ignore[arg-type]


FORMATS = [
    (encoded(flat("RGB", (10, 20, 30)), "png"), (10, 20, 30)),
    (encoded(flat("RGB", (10, 20, 30)), "bmp"), (10, 20, 30)),
    (encoded(flat("RGB", (10, 20, 30)), "webp", lossless=True), (10, 20, 30)),
    (encoded(flat("RGB", (10, 20, 30)), "tiff"), (10, 20, 30)),
    (encoded(flat("L", 77), "png"), (77, 77, 77)),
    (encoded(flat("1", 1), "png"), (255, 255, 255)),
    (encoded(flat("LA", (50, 0)), "png"), (255, 255, 255)),
    (encoded(flat("RGBA", (10, 20, 30, 255)), "png"), (10, 20, 30)),
    (encoded(flat("RGBA", (10, 20, 30, 0)), "png"), (255, 255, 255)),
    (encoded(flat("RGB", (10, 20, 30)).quantize(2), "gif"), (10, 20, 30)),
    (encoded(flat("RGB", (10, 20, 30)).quantize(2), "png", transparency=0), (255, 255, 255)),
    (encoded(flat("RGB", (10, 20, 30)), "png", transparency=(10, 20, 30)), (255, 255, 255)),
    (encoded(flat("I;16", 0x4000), "png"), (64, 64, 64)),
    (encoded(flat("I;16", 0x4000), "tiff"), (64, 64, 64)),
    (encoded(flat("F", 0.5), "tiff"), (127, 127, 127)),
    (encoded(flat("CMYK", (0, 0, 0, 0)), "jpeg"), (255, 255, 255)),
    (
        encoded(flat("RGB", (9, 9, 9)), "gif", save_all=True, append_images=[flat("RGB", (200, 9, 9))]),
        (9, 9, 9),
    ),
]


@pytest.mark.parametrize(("blob", "expected"), FORMATS)
def test_every_format_becomes_rgb(blob: bytes, expected: tuple[int, int, int]) -> None:
    pixels = rgb(blob, "the file", upright=True)
    assert pixels.shape == (2, 4, 3) and pixels.dtype == np.uint8 and pixels.flags.writeable
    assert np.array_equal(pixels, np.full((2, 4, 3), expected, np.uint8))


@pytest.mark.parametrize(("upright", "shape"), [(True, (12, 8, 3)), (False, (8, 12, 3))])
def test_an_image_is_turned_as_the_camera_was_held(upright: bool, shape: tuple[int, ...]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    assert rgb(encoded(flat("RGB", (1, 2, 3), (12, 8)), "jpeg", exif=exif), "the file", upright=upright).shape == shape


@pytest.mark.parametrize(
    ("blob", "says"),
    [
        (b"<html>404</html>", r"a\.png is not an image; put a whole copy in its place, or remove it"),
        (encoded(flat("RGB", (1, 2, 3), (64, 64)), "png")[:90], r"a\.png cannot be decoded \(.+\); put a whole copy"),
        (encoded(flat("RGB", (1, 2, 3), (64, 64)), "jpeg")[:300], r"a\.png cannot be decoded \(.+\); put a whole copy"),
    ],
)
def test_what_cannot_be_decoded_is_named(blob: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says):
        rgb(blob, "a.png")


def test_an_image_of_too_many_pixels_is_called_too_large() -> None:
    blob = encoded(Image.new("1", (20_000, 20_000)), "png")
    with pytest.raises(UserError, match=r"big\.png is too large: image size \(400000000 pixels\) exceeds .*; scale it"):
        rgb(blob, "big.png")
