"""Formulas of things: glyphs of strokes, closed contours, iterated function systems and scatters of blobs.

Every function draws `n` masks at once, float32 (n, 32, 32) in 0..1, one for each entry of `kinds`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SIDE = 32

_AXIS = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1).astype(np.float32)  # pixel centres in -1..1
X, Y = (axis.ravel() for axis in np.meshgrid(_AXIS, _AXIS))  # each (1024,), row by row
PIXEL = 2.0 / SIDE


def uniform(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Array:
    """Uniform float32 numbers."""
    return (low + (high - low) * rng.random(shape, dtype=np.float32)).astype(np.float32)


def normal(rng: np.random.Generator, scale: float, shape: tuple[int, ...]) -> Array:
    """Gaussian float32 numbers of mean 0."""
    return scale * rng.standard_normal(shape, dtype=np.float32)


def edge(distance: Array, softness: float = PIXEL) -> Array:
    """1 inside (negative distance), 0 outside, a ramp of one pixel between them."""
    return np.clip(0.5 - distance / softness, 0, 1)


def alphabet(seed: int, count: int) -> Array:
    """Control points (count, strokes 4, points 3, xy 2) of glyphs of 1 to 4 curved strokes."""
    rng = np.random.default_rng(seed)
    points = uniform(rng, -1, 1, (count, 4, 3, 2))
    joined = rng.random((count, 3)) < 0.6  # a stroke often starts where the one before it ends
    for stroke in range(1, 4):
        points[joined[:, stroke - 1], stroke, 0] = points[joined[:, stroke - 1], stroke - 1, 2]
    strokes = rng.integers(1, 5, count)  # spare ones repeat the first
    for stroke in range(1, 4):
        points[strokes <= stroke, stroke] = points[strokes <= stroke, 0]
    low, high = points.min((1, 2), keepdims=True), points.max((1, 2), keepdims=True)
    return np.asarray((points - (low + high) / 2) / np.maximum((high - low) / 2, 0.4), np.float32)


def poses(rng: np.random.Generator, n: int, size: tuple[float, float], turn: float) -> tuple[Array, Array]:
    """Random affine maps: matrices (n, 2, 2) with scale, turn in radians, aspect and shear; and offsets (n, 2)."""
    angle, scale = normal(rng, turn, (n,)), uniform(rng, *size, (n,))
    stretch, shear = np.exp(normal(rng, 0.15, (n, 2))), normal(rng, 0.15, (n,))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.stack([np.stack([cos, -sin + shear], -1), np.stack([sin, cos], -1)], -2)
    room = np.maximum(1.0 - scale, 0.05)[:, None]
    return matrix * (stretch * scale[:, None])[:, None, :], uniform(rng, -1, 1, (n, 2)) * room


def glyphs(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Handwriting in an invented alphabet. The strokes wobble; their width and pose vary."""
    n = len(kinds)
    control = table[kinds] + normal(rng, 0.1, (n, *table.shape[1:]))
    t = np.linspace(0, 1, 20, dtype=np.float32)
    weights = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2])  # quadratic Bezier
    path = np.einsum("nspc,pt->nstc", control, weights).reshape(n, -1, 2)
    matrix, offset = poses(rng, n, (0.35, 0.95), 0.2)
    path = path @ matrix.transpose(0, 2, 1) + offset[:, None]
    distance = np.full((n, SIDE * SIDE), 9.0, np.float32)
    for i in range(path.shape[1]):
        dx, dy = X - path[:, i, :1], Y - path[:, i, 1:]
        np.minimum(distance, dx * dx + dy * dy, out=distance)
    width = uniform(rng, 0.8, 2.0, (n, 1)) * PIXEL
    return edge(np.sqrt(distance) - width, 1.6 * PIXEL).reshape(n, SIDE, SIDE)


def outlines(seed: int, count: int) -> Array:
    """Contours, radius = 1 + Σ amplitude · cos(frequency · angle + phase), (count, 3 waves, 3 numbers)."""
    rng = np.random.default_rng(seed)
    frequency = rng.integers(1, 9, (count, 3))
    amplitude = uniform(rng, 0.05, 0.4, (count, 3)) * (rng.random((count, 3)) < 0.75)
    return np.stack([frequency, amplitude, uniform(rng, 0, 6.283, (count, 3))], -1).astype(np.float32)


def contours(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Closed curves: filled, drawn as a line, or nested like the orbits of an atom."""
    n = len(kinds)
    matrix, offset = poses(rng, n, (0.3, 0.75), 0.5)
    inverse = np.linalg.inv(matrix)
    moved = np.stack([X - offset[:, :1], Y - offset[:, 1:]], 1)
    u, v = (inverse @ moved).transpose(1, 0, 2)
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    shape = table[kinds] + normal(rng, 0.02, (n, 3, 3)) * np.array([0, 1, 4], np.float32)
    border = np.ones_like(radius)
    for i in range(3):
        frequency, amplitude, phase = (shape[:, i, j, None] for j in range(3))
        border += amplitude * np.cos(frequency * angle + phase)
    scale = np.sqrt(np.abs(np.linalg.det(matrix)))[:, None]
    distance = (radius - border * 0.8) * scale
    line = np.abs(distance) - uniform(rng, 0.7, 1.8, (n, 1)) * PIXEL
    spacing = uniform(rng, 5, 8, (n, 1)) * PIXEL
    rings = np.maximum(np.abs((distance % spacing) - spacing / 2) - PIXEL * 0.9, distance)
    style = rng.integers(0, 4, (n, 1))
    return edge(np.select([style < 2, style == 2], [distance, line], rings)).reshape(n, SIDE, SIDE)


def systems(seed: int, count: int) -> Array:
    """Iterated function systems (count, maps 4, 2, 3) of contractions, as Kataoka et al. use them."""
    rng = np.random.default_rng(seed)
    turns, scales = uniform(rng, 0, 6.283, (count, 4, 2)), uniform(rng, 0.25, 0.8, (count, 4, 2))
    scales[..., 1] *= rng.choice([-1, 1], (count, 4))

    def rotation(angle: Array) -> Array:
        return np.stack(
            [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], -2
        )

    linear = rotation(turns[..., 0]) * scales[..., None, :] @ rotation(turns[..., 1])
    maps = np.concatenate([linear, uniform(rng, -1, 1, (count, 4, 2, 1))], -1)
    for spare in (2, 3):  # systems of 2, 3 and 4 maps
        few = rng.random(count) < 0.4
        maps[few, spare] = maps[few, spare - 2]
    return maps.astype(np.float32)


def fractals(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Attractors drawn by the chaos game: 48 walkers take 40 steps each, and their visits to each pixel are counted."""
    n, walkers, steps = len(kinds), 48, 40
    maps = table[kinds] * np.exp(normal(rng, 0.06, (n, 4, 2, 3)))
    at = np.zeros((n, walkers, 2), np.float32)
    trace = np.empty((n, steps, walkers, 2), np.float32)
    rows = np.arange(n)[:, None]
    for step in range(steps):
        chosen = maps[rows, rng.integers(0, 4, (n, walkers))]
        at = np.einsum("nwij,nwj->nwi", chosen[..., :2], at) + chosen[..., 2]
        trace[:, step] = at
    cloud = trace[:, 8:].reshape(n, -1, 2)
    cloud = (cloud - cloud.mean(1, keepdims=True)) / (2.2 * cloud.std(1, keepdims=True) + 1e-3)
    matrix, offset = poses(rng, n, (0.6, 1.0), 0.4)
    cell = (((cloud @ matrix.transpose(0, 2, 1) + offset[:, None]) + 1) / 2 * SIDE).astype(np.int64)
    inside = ((cell >= 0) & (cell < SIDE)).all(-1)
    flat = (rows * SIDE * SIDE + cell[..., 1] * SIDE + cell[..., 0])[inside]
    hits = np.bincount(flat, minlength=n * SIDE * SIDE).reshape(n, SIDE, SIDE).astype(np.float32)
    return np.clip(hits / uniform(rng, 1, 4, (n, 1, 1)), 0, 1)


def swarms(seed: int, count: int) -> Array:
    """Scatters (count, (how many, radius, lobes, depth of the lobes, hollow, stretch))."""
    rng = np.random.default_rng(seed)
    number = np.exp(uniform(rng, np.log(2), np.log(22), (count,)))
    radius = uniform(rng, 0.5, 1.0, (count,)) / np.sqrt(number)
    lobes, depth = rng.integers(2, 7, count), uniform(rng, 0, 0.5, (count,)) * (rng.random(count) < 0.6)
    hollow, stretch = rng.integers(0, 3, count), uniform(rng, 0, 0.6, (count,)) * (rng.random(count) < 0.5)
    return np.stack([number, radius, lobes, depth, hollow, stretch], -1).astype(np.float32)


def scatters(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Many small lobed blobs: filled, hollow or with a dark core. Their number and size vary around the class's."""
    n = len(kinds)
    number, radius, lobes, depth, hollow, stretch = (table[kinds, i, None] for i in range(6))
    number = number * np.exp(normal(rng, 0.12, (n, 1)))
    mask = np.zeros((n, SIDE * SIDE), np.float32)
    for blob in range(int(np.ceil(number.max()))):
        dx, dy = X - uniform(rng, -1.05, 1.05, (n, 1)), Y - uniform(rng, -1.05, 1.05, (n, 1))
        angle, turn = np.arctan2(dy, dx), uniform(rng, 0, 6.283, (n, 1))
        size = radius * np.exp(normal(rng, 0.2, (n, 1)))
        border = size * (1 + depth * np.cos(lobes * (angle + turn)) + stretch * np.cos(2 * (angle + turn)))
        distance = np.hypot(dx, dy) - border
        body = edge(distance)
        body *= 1 - np.where(hollow == 1, 0.8, np.where(hollow == 2, 0.5, 0.0)) * edge(distance + 0.45 * size)
        np.maximum(mask, body * (number > blob) * uniform(rng, 0.6, 1, (n, 1)), out=mask)
    return mask.reshape(n, SIDE, SIDE)
