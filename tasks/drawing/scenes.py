"""Pictures of things for the embedded tasks: digits, and scenes that ask where, which way, how many, how far.

Every function draws one picture for each label, uint8 (n, 32, 32, 3).
"""

from __future__ import annotations

import numpy as np

from tasks.drawing.canvas import (
    Array,
    X,
    Y,
    backdrop,
    chance,
    colour,
    contrasting,
    cover,
    developed,
    each,
    local,
    over,
    per_picture,
    plain_shape,
    pointer,
)


def digits(rng: np.random.Generator, scans: Array, turn: float = 0.15) -> Array:
    """Scanned digits (n, 8, 8) in 0..16, two or three times as large, anywhere, turned by at most `turn` radians."""
    n = len(scans)
    size = each(rng, n, 15, 25)
    x, y = 16 + each(rng, n, -1, 1) * (15 - size / 2), 16 + each(rng, n, -1, 1) * (15 - size / 2)
    u, v = local(x, y, each(rng, n, -turn, turn), size / 8)  # in pixels of the scan, from its centre
    inner = np.pad(scans.astype(np.float32) / 16, ((0, 0), (2, 2), (2, 2)))
    column, row = np.clip(u + 5.5, 0, 10.99), np.clip(v + 5.5, 0, 10.99)
    i, j = row.astype(np.int64), column.astype(np.int64)
    down, right, which = row - i, column - j, np.arange(n)[:, None, None]
    top = inner[which, i, j] * (1 - right) + inner[which, i, j + 1] * right
    bottom = inner[which, i + 1, j] * (1 - right) + inner[which, i + 1, j + 1] * right
    ink = np.clip((top * (1 - down) + bottom * down - 0.25) * each(rng, n, 2, 4), 0, 1)
    image, ground = backdrop(rng, n)
    return developed(rng, over(image, ink, contrasting(rng, ground, (0.2, 1.0))), noise=0.08)


def position(rng: np.random.Generator, labels: Array) -> Array:
    """A shape anywhere on a cloudy background; the label is the eighth of 4..28 pixels in which its centre lies."""
    n = len(labels)
    image, ground = backdrop(rng, n)
    x = per_picture(4 + 3 * (labels + rng.random(n)))
    size = each(rng, n, 2.5, 5.5)
    u, v = local(x, each(rng, n, 5, 27), each(rng, n, 0, 2 * np.pi), size)
    mask = cover(plain_shape(rng.integers(0, 5, (n, 1, 1)), u, v) * size)
    return developed(rng, over(image, mask, contrasting(rng, ground, (0.2, 1.0))), noise=0.06)


def orientation(rng: np.random.Generator, labels: Array) -> Array:
    """A sprite that points anywhere; the label is the eighth of a full turn in which its direction lies."""
    n = len(labels)
    image, ground = backdrop(rng, n)
    angle = per_picture((labels + rng.random(n)) * (2 * np.pi / 8))
    size = each(rng, n, 5, 10)
    reach = 15 - size
    u, v = local(16 + each(rng, n, -1, 1) * reach, 16 + each(rng, n, -1, 1) * reach, angle, size)
    mask = cover(pointer(rng.integers(0, 4, (n, 1, 1)), u, v) * size)
    return developed(rng, over(image, mask, contrasting(rng, ground, (0.2, 1.0))), noise=0.06)


def solid(rng: np.random.Generator, image: Array, place: tuple[Array, Array, Array], present: Array) -> Array:
    """A ball, a box or a cone standing at (x, y of its foot, radius), lit from the upper left, with a shadow."""
    n, (x, foot, size) = len(image), place
    kind = rng.integers(0, 3, (n, 1, 1))
    u, v = (X - x) / size, (Y - foot) / size + 1  # v: -1 at the top, 1 at the foot
    shadow = cover((np.hypot((u - 0.35) / 1.15, (v - 0.95) / 0.3) - 1) * size * 0.4, 1.5)
    cone = np.maximum(v - 0.95, 0.88 * np.abs(u) - 0.42 * v - 0.45)
    outline = np.select(
        [kind == 0, kind == 1], [np.hypot(u, v) - 1, np.maximum(np.abs(u) - 0.8, np.abs(v - 0.1) - 0.85)], cone
    )
    light = np.select(
        [kind == 0, kind == 1], [0.9 - 0.35 * (u + v), np.where(v < -0.35, 1.25, 0.85)], np.where(u < -0.1, 1.1, 0.7)
    )
    gloss = 0.5 * np.exp(-8 * ((u + 0.4) ** 2 + (v + 0.4) ** 2)) * (kind == 0)
    body = colour(rng, n, (0.55, 1.0), (0.55, 1.0)) * np.clip(light, 0.3, 1.4)[..., None] + gloss[..., None]
    image = over(image, 0.45 * shadow * present, np.zeros((1, 1, 1, 3)))
    return over(image, cover(outline * size) * present, body)


def count(rng: np.random.Generator, labels: Array) -> Array:
    """One to six solids on a floor seen from above; the label is their number minus one."""
    n = len(labels)
    image, _ = backdrop(rng, n, (0.35, 0.9))
    places = rng.permuted(np.tile(np.arange(9), (n, 1)), axis=1)[:, :6]  # of a 3 x 3 board
    places = np.sort(np.where(np.arange(6) <= labels[:, None], places, 9), axis=1)  # the rear ones first; 9 is nowhere
    for square in map(per_picture, places.T):
        size = each(rng, n, 2.2, 4.4)
        x = 6 + 10 * (square % 3) + each(rng, n, -1.6, 1.6)
        foot = 6 + 10 * np.floor(square / 3) + size + each(rng, n, -1.6, 1.2)
        image = solid(rng, image, (x, foot, size), square < 9)
    return developed(rng, image, noise=0.05)


def distance(rng: np.random.Generator, labels: Array) -> Array:
    """Solids on a floor that runs to a horizon; the label is the sixth of all depths in which the nearest is."""
    n = len(labels)
    horizon, height = each(rng, n, 8, 11), each(rng, n, 27, 31)  # height: of the eye, in pixels at depth 1
    depth = per_picture(1.35 * 1.23 ** (labels + rng.random(n)))
    wall, floor = backdrop(rng, n, (0.3, 0.9))[0], backdrop(rng, n, (0.2, 0.8))[0]
    below = np.maximum(Y - horizon, 0.3)
    across, along = (X - 16) / below * each(rng, n, 0.8, 2), height / below * each(rng, n, 0.8, 2) + each(rng, n, 0, 2)
    squares = (np.floor(across + each(rng, n, 0, 2)) + np.floor(along)) % 2 - 0.5
    floor = floor + (squares * np.clip(below / 12, 0, 1) * each(rng, n, 0, 0.25) * chance(rng, n, 0.7))[..., None]
    image = over(floor, cover(Y - horizon), wall)
    for further in (each(rng, n, 1.25, 2.5), each(rng, n, 1.1, 1.6), np.float32(1)):  # the label's own comes last
        away = depth * further
        size, present = each(rng, n, 6, 11) / away, chance(rng, n, 0.35) | np.all(further == 1)
        place = 16 + each(rng, n, -1, 1) * (15 - size), horizon + height / away * 0.9, size
        image = solid(rng, image, place, present)
    return developed(rng, image, noise=0.05)


def noisy(rng: np.random.Generator, images: Array) -> Array:
    """Images uint8 (n, 32, 32, 3) with heavy noise."""
    return np.asarray(
        np.clip(images + 45 * rng.standard_normal(images.shape, dtype=np.float32), 0, 255) + 0.5, np.uint8
    )
