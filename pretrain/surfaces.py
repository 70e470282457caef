"""Formulas of surfaces: interfering waves, filtered noise, cell diagrams and warped bands, as heights in 0..1.

Every function draws `n` surfaces at once, float32 (n, 32, 32), one for each entry of `kinds`.
"""

from __future__ import annotations

import numpy as np

from pretrain.shapes import SIDE, Array, X, Y, normal, uniform


def level(height: Array) -> Array:
    """Heights stretched so that each picture fills 0..1."""
    low, high = height.min((1, 2), keepdims=True), height.max((1, 2), keepdims=True)
    return np.asarray((height - low) / np.maximum(high - low, 1e-6), np.float32)


def shaped(height: Array, how: Array) -> Array:
    """A zero-mean height (n, 32, 32) plain (0), in ridges (1), two steps (2), terraces (3) or squared (4)."""
    how = how[:, None, None]
    spread = height.std((1, 2), keepdims=True) + 1e-6
    height = height / spread
    options = [height, -np.abs(height), np.tanh(6 * height), np.round(1.5 * height), height**2]
    return level(np.select([how == i for i in range(5)], options))


def filtered(rng: np.random.Generator, centre: Array, width: Array, angle: Array, focus: Array) -> Array:
    """Noise filtered by a ring of the spectrum, in cycles per picture; focus 0 (any direction) to 1 (along `angle`)."""
    n = len(centre)
    fy, fx = np.fft.fftfreq(SIDE)[:, None] * SIDE, np.fft.rfftfreq(SIDE)[None] * SIDE
    radius, way = np.hypot(fx, fy), np.arctan2(fy, fx)
    c, w, a, f = (value[:, None, None] for value in (centre, width, angle, focus))
    ring = np.exp(-(((radius - c) / w) ** 2) / 2) * ((1 - f) + f * np.abs(np.cos(way - a)) ** 12)
    ring[:, 0, 0] = 0
    noise = np.fft.rfft2(rng.standard_normal((n, SIDE, SIDE), dtype=np.float32))
    return np.fft.irfft2(noise * ring, s=(SIDE, SIDE)).astype(np.float32)


def soft_noise(rng: np.random.Generator, n: int) -> Array:
    """Cloudy fields in 0..1, (n, 32, 32)."""
    zero = np.zeros(n)
    return level(filtered(rng, zero, rng.uniform(0.8, 4, n), zero, zero))


def spectra(seed: int, count: int) -> Array:
    """Noises (count, (centre, width, focus, shape))."""
    rng = np.random.default_rng(seed)
    centre = np.exp(rng.uniform(np.log(0.8), np.log(11), count))
    focus = np.where(rng.random(count) < 0.5, 0.0, rng.uniform(0.7, 1, count))
    return np.stack([centre, centre * rng.uniform(0.12, 0.6, count), focus, rng.integers(0, 5, count)], -1)


def noises(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Band-passed noise: spots, labyrinths, clouds, fibres and terraces."""
    n = len(kinds)
    centre, width, focus, shape = table[kinds].T
    zoom = np.exp(rng.normal(0, 0.12, n))
    return shaped(filtered(rng, centre * zoom, width * zoom, rng.uniform(0, np.pi, n), focus), shape)


def chords(seed: int, count: int) -> Array:
    """Interferences (count, waves 4, (frequency, angle, loudness, shape))."""
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.uniform(np.log(1.5), np.log(9), (count, 4)))
    loudness = rng.uniform(0.3, 1, (count, 4)) * (np.arange(4) < rng.integers(2, 5, (count, 1)))
    shape = np.broadcast_to(rng.integers(0, 5, (count, 1)), (count, 4))
    return np.stack([frequency, rng.uniform(0, np.pi, (count, 4)), loudness, shape], -1)


def waves(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Two to four plane waves that interfere; they are turned and zoomed together."""
    n = len(kinds)
    turn, zoom = rng.uniform(0, np.pi, (n, 1)), np.exp(rng.normal(0, 0.15, (n, 1)))
    height = np.zeros((n, SIDE * SIDE), np.float32)
    for i in range(4):
        frequency, angle, loudness = (table[kinds, i, j, None] for j in range(3))
        along = np.cos(angle + turn) * X + np.sin(angle + turn) * Y
        height += (loudness * np.sin(np.pi * frequency * zoom * along + rng.uniform(0, 6.283, (n, 1)))).astype(
            np.float32
        )
    return shaped(height.reshape(n, SIDE, SIDE), table[kinds, 0, 3])


def diagrams(seed: int, count: int) -> Array:
    """Cell diagrams (count, (how many sites, exponent of the metric, what is shown, stretch))."""
    rng = np.random.default_rng(seed)
    sites = np.exp(rng.uniform(np.log(4), np.log(40), count))
    return np.stack(
        [sites, rng.choice([0.7, 1, 2, 6], count), rng.integers(0, 4, count), rng.uniform(1, 2.2, count)], -1
    )


def tessellations(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Diagrams of nearest sites: the distance, the gap to the second, its border, or a random grey for each cell."""
    n = len(kinds)
    sites, power, shown, stretch = (table[kinds, i, None].astype(np.float32) for i in range(4))
    sites = sites * np.exp(normal(rng, 0.12, (n, 1)))
    turn = uniform(rng, 0, 3.142, (n, 1))
    u, v = np.cos(turn) * X + np.sin(turn) * Y, (np.cos(turn) * Y - np.sin(turn) * X) * stretch
    first, second, grey = (np.full((n, SIDE * SIDE), 9.0, np.float32) for _ in range(3))
    for site in range(int(np.ceil(sites.max()))):
        du, dv = np.abs(u - uniform(rng, -1.4, 1.4, (n, 1))), np.abs(v - stretch * uniform(rng, -1.4, 1.4, (n, 1)))
        distance = np.where(power == 2, np.hypot(du, dv), np.where(power < 2, du + power * dv, np.maximum(du, dv)))
        distance = np.where(sites > site / 2, distance, 9.0).astype(
            np.float32
        )  # twice the sites: the area is about twice the picture
        np.minimum(second, np.maximum(first, distance), out=second)
        grey = np.where(distance < first, uniform(rng, 0, 1, (n, 1)), grey)
        np.minimum(first, distance, out=first)
    gap = second - first
    height = np.select([shown == 0, shown == 1, shown == 2], [first, gap, -np.exp(-18 * gap)], grey)
    return level(height.reshape(n, SIDE, SIDE))


def currents(seed: int, count: int) -> Array:
    """Warped bands (count, (frequency, strength of the warp, its frequency, rings or bands, shape))."""
    rng = np.random.default_rng(seed)
    columns = [
        np.exp(rng.uniform(np.log(2), np.log(9), count)),
        rng.uniform(0, 0.5, count),
        rng.uniform(0.8, 3.5, count),
    ]
    return np.stack([*columns, rng.integers(0, 3, count), rng.integers(0, 5, count)], -1)


def bands(rng: np.random.Generator, kinds: Array, table: Array) -> Array:
    """Bands, rings or spirals whose phase is warped by soft noise."""
    n = len(kinds)
    frequency, strength, scale, form, shape = table[kinds].T
    zero = np.zeros(n)
    warp = level(filtered(rng, zero, scale, zero, zero)).reshape(n, -1)
    turn = rng.uniform(0, 2 * np.pi, (n, 1))
    x, y = X - rng.uniform(-0.7, 0.7, (n, 1)), Y - rng.uniform(-0.7, 0.7, (n, 1))
    straight, ring, spin = np.cos(turn) * X + np.sin(turn) * Y, np.hypot(x, y), np.arctan2(y, x)
    kind = form[:, None]
    along = np.select([kind == 0, kind == 1], [straight, ring], ring + spin / np.pi)
    zoom = np.exp(rng.normal(0, 0.12, n))
    rate = np.where(form == 2, np.round(frequency), frequency * zoom)[:, None]  # whole turns keep a spiral unbroken
    height = np.sin(np.pi * rate * along + 8 * strength[:, None] * warp)
    return shaped(height.reshape(n, SIDE, SIDE).astype(np.float32), shape)
