"""The canvas of the embedded tasks: 32 x 32 pixels, many pictures at once, colours, soft fields and sprites.

Fields are float32 (n, 32, 32), images float32 (n, 32, 32, 3) in 0..1, numbers per picture (n, 1, 1). Lengths are in
pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SIDE = 32

_AXIS = np.arange(SIDE, dtype=np.float32) + 0.5
X, Y = np.meshgrid(_AXIS, _AXIS)  # pixel centres, each (32, 32)


def each(rng: np.random.Generator, n: int, low: float, high: float) -> Array:
    """One uniform number per picture, (n, 1, 1)."""
    return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)


def per_picture(values: Array) -> Array:
    """(n,) numbers as float32 (n, 1, 1)."""
    return np.asarray(values, np.float32).reshape(-1, 1, 1)


def chance(rng: np.random.Generator, n: int, probability: float) -> Array:
    """One coin per picture, bool (n, 1, 1)."""
    return rng.random((n, 1, 1)) < probability


def cover(distance: Array, softness: Array | float = 1.0) -> Array:
    """How much of a pixel a form covers, 0..1, by the signed distance to its border, which is negative inside."""
    return np.clip(0.5 - distance / softness, 0, 1)


def over(image: Array, mask: Array, colour: Array) -> Array:
    """A colour (n, 1, 1, 3), or an image, painted over an image through a mask (n, 32, 32) in 0..1."""
    return np.asarray(image + mask[..., None] * (colour - image))


def field(rng: np.random.Generator, n: int, cells: int, channels: int = 1) -> Array:
    """Smooth noise in 0..1 with about `cells` bumps across the picture, (n, 32, 32, channels)."""
    knots = rng.random((n, cells + 1, cells + 1, channels), dtype=np.float32)
    at = _AXIS / SIDE * cells
    low = at.astype(np.int64)
    part = ((1 - np.cos(np.pi * (at - low))) / 2).astype(np.float32)[:, None]
    across = knots[:, :, low] * (1 - part) + knots[:, :, low + 1] * part  # no matrix product: BLAS differs by machine
    down = part[:, None]
    return np.asarray(across[:, low] * (1 - down) + across[:, low + 1] * down)


def colour(rng: np.random.Generator, n: int, value: tuple[float, float], vivid: tuple[float, float]) -> Array:
    """A random colour per picture (n, 1, 1, 3): any hue, brightness in `value` and saturation in `vivid`."""
    hue = 6 * rng.random((n, 1, 1, 1), dtype=np.float32) + np.array([0, 2, 4], np.float32)
    pure = np.clip(np.abs(hue % 6 - 3) - 1, 0, 1)
    saturation, brightness = rng.uniform(*vivid, (n, 1, 1, 1)), rng.uniform(*value, (n, 1, 1, 1))
    return np.asarray(brightness * (1 - saturation * (1 - pure)), np.float32)


def contrasting(rng: np.random.Generator, ground: Array, vivid: tuple[float, float]) -> Array:
    """A random colour that is clearly lighter or darker than `ground`, each (n, 1, 1, 3)."""
    n, bright = len(ground), ground.mean(-1, keepdims=True) > 0.45
    return np.where(
        bright, colour(rng, n, (0.02, 0.4), vivid), colour(rng, n, (0.75, 1.0), (vivid[0] / 2, vivid[1] / 2))
    )


def backdrop(rng: np.random.Generator, n: int, value: tuple[float, float] = (0.1, 0.9)) -> tuple[Array, Array]:
    """A cloudy background that fades from side to side, (n, 32, 32, 3), and its mean colour (n, 1, 1, 3)."""
    base = colour(rng, n, value, (0.1, 0.7))
    coarse, fine = field(rng, n, 3, 3) - 0.5, field(rng, n, 8, 1) - 0.5
    angle = each(rng, n, 0, 2 * np.pi)
    fade = (np.cos(angle) * (X - 16) + np.sin(angle) * (Y - 16)) / 16
    strength = each(rng, n, 0.05, 0.3)[..., None]
    return base + strength * (coarse + 0.5 * fine) + fade[..., None] * each(rng, n, 0, 0.12)[..., None], base


def developed(rng: np.random.Generator, image: Array, noise: float = 0.05) -> Array:
    """The finished pictures, uint8 (n, 32, 32, 3): exposure varies, and noise of a deviation up to `noise` is added."""
    n = len(image)
    exposure = rng.uniform(0.85, 1.1, (n, 1, 1, 1)).astype(np.float32)
    grain = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(0, noise, (n, 1, 1, 1)).astype(np.float32)
    return np.asarray(np.clip(image * exposure + grain, 0, 1) * 255 + 0.5, np.uint8)


def local(x: Array, y: Array, angle: Array, size: Array) -> tuple[Array, Array]:
    """Coordinates (u, v) about a centre, turned by `angle` (radians, clockwise on the screen), in units of `size`."""
    dx, dy = (X - x) / size, (Y - y) / size
    return np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx


def plain_shape(kind: Array, u: Array, v: Array) -> Array:
    """Distance to the border of a disc (0), square (1), triangle (2), bar (3) or cross (4) of radius about 1."""
    a, b = np.abs(u), np.abs(v)
    triangle = np.maximum(v, 0.866 * a - 0.5 * v) - 0.55
    cross = np.minimum(np.maximum(a - 0.32, b - 1), np.maximum(a - 1, b - 0.32))
    return np.select(
        [kind == 0, kind == 1, kind == 2, kind == 3],
        [np.hypot(u, v) - 0.9, np.maximum(a, b) - 0.8, triangle, np.maximum(a - 1.0, b - 0.45)],
        cross,
    )


def pointer(kind: Array, u: Array, v: Array) -> Array:
    """Distance to the border of an arrow (0), a drop (1), a dart (2) or a half disc (3) that points along +u."""
    b = np.abs(v)
    head, shaft = np.maximum(0.1 - u, 0.6 * u + 0.8 * b - 0.6), np.maximum(b - 0.22, np.abs(u + 0.4) - 0.6)
    tip, bulb = np.maximum(0.444 * u + 0.896 * b - 0.444, -u - 0.08), np.hypot(u + 0.35, v) - 0.6
    return np.select(
        [kind == 0, kind == 1, kind == 2],
        [np.minimum(head, shaft), np.minimum(tip, bulb), np.maximum(-u - 0.7, 0.333 * u + 0.943 * b - 0.333)],
        np.maximum(np.hypot(u + 0.4, v) - 1, -u - 0.4),
    )
