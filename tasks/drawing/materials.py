"""Ten materials for the embedded task `demo/textures`, in any colour, at many scales and under uneven light.

A material gives heights in about 0..1 at coordinates (u, v), in units of its own period, all (n, 32, 32).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.drawing.canvas import SIDE, Array, X, Y, colour, contrasting, cover, developed, each, field

Material = Callable[[np.random.Generator, Array, Array], Array]


def tones(rng: np.random.Generator, row: Array, column: Array) -> Array:
    """A grey in 0..1 for each piece of a material; pieces are numbered by row and column."""
    table = rng.random((len(row), 13, 13), dtype=np.float32)
    which = np.arange(len(row))[:, None, None]
    return np.asarray(table[which, row.astype(np.int64) % 13, column.astype(np.int64) % 13])


def brick(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Running bond with mortar; each brick has a tone."""
    row = np.floor(2 * v)
    along = u + 0.5 * (row % 2)
    gap = np.minimum(0.5 - np.abs(along % 1 - 0.5), (0.5 - np.abs(2 * v % 1 - 0.5)) / 2)
    return np.asarray(np.clip((gap - 0.04) * 18, 0, 1) * (0.55 + 0.45 * tones(rng, row, np.floor(along))))


def wood(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Year rings cut lengthways, a knot, fine fibres."""
    n = len(u)
    knot = np.exp(-((u - each(rng, n, -1, 1)) ** 2) * 2 - (v - each(rng, n, -1, 1)) ** 2 * 8)
    rings = 2.5 * v + 0.5 * np.sin(0.9 * u + each(rng, n, 0, 6)) + 1.6 * knot + 0.5 * field(rng, n, 3)[..., 0]
    fibre = np.sin(23 * v + 3 * np.sin(1.1 * u + each(rng, n, 0, 6)))
    return np.asarray(0.75 * (rings % 1) ** 1.5 + 0.12 * fibre + 0.15)


def marble(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Veins through clouds."""
    n = len(u)
    slant = 0.25 * (u + v)
    coarse, fine = field(rng, n, 4)[..., 0] + slant, field(rng, n, 9)[..., 0]
    vein = np.abs((coarse + 0.45 * fine) * 1.6 % 1 - 0.5) * 2
    return np.asarray(np.clip(vein * 2.2, 0, 1) * 0.8 + 0.2 * fine)


def weave(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Strands that pass over and under each other."""
    n = len(u)
    upright = (np.floor(2 * u) + np.floor(2 * v)) % 2 == 0
    across, along = np.where(upright, 2 * u % 1, 2 * v % 1), np.where(upright, 2 * v % 1, 2 * u % 1)
    tone = np.where(upright, each(rng, n, 0.6, 1), each(rng, n, 0.6, 1))
    return np.asarray(tone * np.sin(np.pi * across) ** 0.7 * (0.55 + 0.45 * np.sin(np.pi * along)))


def shingles(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Rounded shingles; each row covers part of the next."""
    v = 1.6 * v
    row = np.floor(v)
    beside, down = (u + 0.5 * (row % 2)) % 1 - 0.5, v % 1
    own = np.hypot(beside, 0.62 * down)
    hanging = own < 0.5  # else the row below shows
    under = np.hypot(np.abs(beside) - 0.5, 0.62 * (down - 1))
    column = np.where(hanging, np.floor(u + 0.5 * (row % 2)), np.floor(u + 0.5 * ((row + 1) % 2)))
    tone = 0.6 + 0.4 * tones(rng, np.where(hanging, row, row + 1), column)
    return np.asarray(
        tone * np.where(hanging, np.clip(1.15 - 1.6 * own**2 - 4 * np.clip(own - 0.4, 0, 1), 0, 1), 0.9 - 0.5 * under)
    )


def pebbles(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Domed stones of many sizes."""
    best, tone = np.full_like(u, 9), np.zeros_like(u)
    east, south, grey, wide = (rng.random((len(u), 13, 13), dtype=np.float32) for _ in range(4))
    which = np.arange(len(u))[:, None, None]
    for step in range(9):
        column, row = np.floor(2 * u) + step % 3 - 1, np.floor(2 * v) + step // 3 - 1
        cell = which, row.astype(np.int64) % 13, column.astype(np.int64) % 13
        away = np.hypot(2 * u - column - 0.2 - 0.6 * east[cell], (2 * v - row - 0.2 - 0.6 * south[cell]) * 1.2)
        away = away / (0.42 + 0.25 * wide[cell])
        tone = np.where(away < best, grey[cell], tone)
        best = np.minimum(best, away)
    return np.asarray(np.sqrt(np.clip(1 - best**2, 0, 1)) * (0.5 + 0.5 * tone))


def dots(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Polka dots, in rows or staggered."""
    row = np.floor(2 * v)
    beside, down = (2 * u + 0.5 * (row % 2) * rng.integers(0, 2, (len(u), 1, 1))) % 1 - 0.5, 2 * v % 1 - 0.5
    return cover((np.hypot(beside, down) - each(rng, len(u), 0.2, 0.38)) * 8)


def tartan(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Random bands, the same along both directions of the weave."""
    sett = rng.random((len(u), 7), dtype=np.float32)
    which = np.arange(len(u))[:, None, None]
    warp, weft = (sett[which, np.abs(np.floor(3.5 * w) % 12 - 6).astype(np.int64)] for w in (u, v))
    twill = (np.floor(X + Y) % 2) * 0.12
    return np.asarray(0.5 * (warp + weft) + twill)


def knit(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Columns of V-shaped stitches."""
    side = np.abs(2 * u % 1 - 0.5)
    stitch = np.abs(np.sin(np.pi * (2.2 * v - 1.1 * side)))
    return np.asarray(stitch**0.7 * np.sin(np.pi * np.clip(2 * side * each(rng, len(u), 0.9, 1), 0.08, 1)) ** 0.5)


def terrazzo(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Angular chips, dark and light, in a plain ground."""
    n = len(u)
    height = np.full_like(u, 0.5) + 0.1 * field(rng, n, 16)[..., 0]
    for _ in range(26):
        x, y, turn = u - each(rng, n, -2.2, 2.2), v - each(rng, n, -2.2, 2.2), each(rng, n, 0, 6.3)
        sides = [np.cos(turn + k) * x + np.sin(turn + k) * y - each(rng, n, 0.14, 0.36) for k in (0.0, 1.7, 3.0, 4.6)]
        chip = cover(np.maximum.reduce(sides) * 10)
        grey = np.where(rng.random((n, 1, 1)) < 0.5, each(rng, n, 0, 0.2), each(rng, n, 0.8, 1))
        height = height + chip * (grey - height)
    return height


MATERIALS: tuple[Material, ...] = (brick, wood, marble, weave, shingles, pebbles, dots, tartan, knit, terrazzo)


def surface(rng: np.random.Generator, material: Material, n: int) -> Array:
    """Heights (n, 32, 32) of `n` pieces of a material at many scales, shifted and slightly turned."""
    period, turn = np.exp(each(rng, n, np.log(7), np.log(20))), each(rng, n, -0.8, 0.8)
    x, y = (X - each(rng, n, 0, SIDE)) / period, (Y - each(rng, n, 0, SIDE)) / period
    return material(rng, np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x)


def textures(rng: np.random.Generator, labels: Array) -> Array:
    """Pictures uint8 (n, 32, 32, 3); picture i shows the material number `labels[i]`."""
    n = len(labels)
    height = np.empty((n, SIDE, SIDE), np.float32)
    for kind, material in enumerate(MATERIALS):
        height[labels == kind] = surface(rng, material, int((labels == kind).sum()))
    low = colour(rng, n, (0.1, 0.9), (0.0, 0.7))
    high = contrasting(rng, low, (0.0, 0.7))
    high = high + each(rng, n, 0, 0.65)[..., None] * (low - high)  # from bold to faint
    image = low + height[..., None] * (high - low)
    light = 0.8 + 0.4 * field(rng, n, 2)
    return developed(rng, image * light, noise=0.07)
