"""Photographs of retinas evened out as btgraham-300 does it, with Pillow and scipy in place of OpenCV.

tensorflow-datasets' configuration btgraham-300 (`image_classification/diabetic_retinopathy_detection.py`) restates what
the winner of the 2015 competition did: the retina is scaled to a radius of 300 pixels, the local average is subtracted,
nine tenths of the radius are kept on grey, and the result is compressed as JPEG at quality 72. The pixels here are
close to the prepared ones, not equal to them.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench.images.decode import rgb

RADIUS, KEPT, GREY, QUALITY = 300, 0.9, 128, 72
SIGMA, REACH = RADIUS / 30, 3.0  # of the local average in pixels, and how many sigmas it reaches
CONTRAST = 4


def evened(photograph: np.ndarray) -> np.ndarray:
    """A photograph uint8 (height, width, 3): scaled, without its local average, masked and cropped to the retina."""
    return recoded(masked(contrasted(scaled(photograph))))


def scaled(photograph: np.ndarray) -> np.ndarray:
    """The retina at a radius of 300 pixels, measured on the middle row. Bilinear without smoothing, as in OpenCV."""
    row = photograph[len(photograph) // 2].sum(axis=1, dtype=np.int64)
    radius = float((row > row.mean() / 10).sum() / 2)
    scale = RADIUS / (radius if radius >= 1 else len(photograph) / 2)  # a dark picture shows no radius
    height, width = (round(side * scale) for side in photograph.shape[:2])
    matrix = (1 / scale, 0.0, 0.0, 0.0, 1 / scale, 0.0)
    picture = Image.fromarray(photograph)
    return np.array(picture.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def contrasted(image: np.ndarray) -> np.ndarray:
    """Four times the difference from the local average, plus grey, in 0..255."""
    sigma = (SIGMA, SIGMA, 0)
    average: np.ndarray = gaussian_filter(image.astype(np.float32), sigma, mode="mirror", truncate=REACH).round()
    return np.asarray((CONTRAST * (image - average) + GREY).clip(0, 255))


def masked(image: np.ndarray) -> np.ndarray:
    """Grey outside nine tenths of the radius, cropped to that; uint8."""
    radius = int(RADIUS * KEPT)
    middle = [side // 2 for side in image.shape[:2]]
    down, across = (np.arange(side) - centre for side, centre in zip(image.shape[:2], middle, strict=True))
    image = np.where((down[:, None] ** 2 + across**2 <= radius**2)[:, :, None], image, GREY)
    rows, columns = (slice(max(centre - radius, 0), centre + radius) for centre in middle)
    return image[rows, columns].astype(np.uint8)


def recoded(image: np.ndarray) -> np.ndarray:
    """What JPEG at quality 72 leaves of an image."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "jpeg", quality=QUALITY, subsampling="4:2:0")
    return rgb(buffer.getvalue(), "the image")
