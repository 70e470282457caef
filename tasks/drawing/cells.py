"""Dividing cells under the microscope, for the embedded task `demo/cells`."""

from __future__ import annotations

import numpy as np

from tasks.drawing.canvas import Array, colour, cover, developed, each, field, local, over, per_picture

STAGES = ("interphase", "prophase", "metaphase", "anaphase", "telophase")


def _chromatin(rng: np.random.Generator, stage: Array, u: Array, v: Array) -> Array:
    """Masks of stained chromatin, by stage, in a cell of radius 1 that divides along u."""
    n = len(stage)
    ragged = (field(rng, n, 10)[..., 0] - 0.5) * 0.25
    threads = np.clip(2.5 * np.abs(field(rng, n, 12)[..., 0] - 0.5) * 2, 0, 1)
    nucleus = cover((np.hypot(u, v) - 0.52 + ragged * 0.3) * 8)
    spot = cover((np.hypot(u - 0.15, v + 0.1) - 0.13) * 8)
    plate = cover((np.maximum(np.abs(u) - 0.13, np.abs(v) - 0.55) + ragged) * 8)
    pair = cover((np.maximum(np.abs(np.abs(u) - 0.42 + 0.25 * v * v) - 0.12, np.abs(v) - 0.45) + ragged) * 8)
    daughters = cover((np.hypot((np.abs(u) - 0.62) / 0.9, v / 1.2) - 0.27 + ragged * 0.4) * 8)
    drawn = [np.maximum(0.5 * nucleus, 0.8 * spot), nucleus * (0.3 + 0.6 * threads), plate, pair]
    return np.select([stage == i for i in range(4)], drawn, 0.85 * daughters)


def _cell(rng: np.random.Generator, stage: Array, place: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Masks of the body and the chromatin of one cell a picture at (x, y, radius)."""
    n, (x, y, radius) = len(stage), place
    u, v = local(x, y, each(rng, n, 0, 2 * np.pi), radius)
    halves = np.hypot((np.abs(u) - 0.5) / 0.95, v) - 0.62
    long = np.hypot(u / 1.15, v / 0.85) - 1
    body = np.select([stage == 4, stage == 3], [halves, long], np.hypot(u, v * each(rng, n, 0.95, 1.15)) - 0.95)
    wobble = (field(rng, n, 5)[..., 0] - 0.5) * 0.3
    return cover((body + wobble) * radius, 1.5), _chromatin(rng, stage, u, v)


def _stain(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Colours of background, bodies and chromatin: pink and purple dyes, or fluorescence on black, always varied."""
    jitter = [0.05 * rng.standard_normal((n, 1, 1, 3), dtype=np.float32) for _ in range(3)]
    dyed = [
        np.array(c, np.float32) + j
        for c, j in zip(((0.95, 0.9, 0.93), (0.88, 0.66, 0.78), (0.38, 0.2, 0.52)), jitter, strict=True)
    ]
    glow = colour(rng, n, (0.8, 1.0), (0.5, 1.0))
    lights = [0.04 + 0.4 * jitter[0], 0.3 * colour(rng, n, (0.6, 1.0), (0.5, 1.0)), glow]
    dark = rng.random((n, 1, 1, 1)) < 0.3
    ground, body, chromatin = (np.where(dark, light, dye) for light, dye in zip(lights, dyed, strict=True))
    fading = each(rng, n, 0, 0.45)[..., None]
    return ground, body, chromatin + fading * (body - chromatin)


def cells(rng: np.random.Generator, labels: Array) -> Array:
    """Cells under the microscope among resting neighbours, uint8 (n, 32, 32, 3); a label is a stage of division."""
    n = len(labels)
    ground, body, chromatin = _stain(rng, n)
    image = ground + 0.15 * (field(rng, n, 6, 3) - 0.5)
    stage, radius = per_picture(labels), each(rng, n, 7.5, 10.5)
    centre = each(rng, n, 13, 19), each(rng, n, 13, 19)
    bearing = each(rng, n, 0, 2 * np.pi)
    for neighbour in range(4):
        angle = bearing + neighbour * np.pi / 2 + each(rng, n, -0.4, 0.4)
        away = each(rng, n, 17, 21)
        place = centre[0] + away * np.cos(angle), centre[1] + away * np.sin(angle), each(rng, n, 6, 9)
        image = _dye(rng, image, np.zeros_like(stage), place, (body, chromatin))
    image = _dye(rng, image, stage, (*centre, radius), (body, chromatin))
    blur = each(rng, n, 0, 1)[..., None]
    return developed(rng, image + blur * (smeared(image) - image), noise=0.08)


def _dye(
    rng: np.random.Generator, image: Array, stage: Array, place: tuple[Array, Array, Array], dyes: tuple[Array, Array]
) -> Array:
    body, chromatin = _cell(rng, stage, place)
    image = over(image, body * 0.85, dyes[0] * (1 + 0.2 * (field(rng, len(image), 12) - 0.5)))
    return over(image, chromatin * body, dyes[1])


def smeared(image: Array) -> Array:
    """Each pixel averaged with its neighbours, (n, 32, 32, 3)."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    tall = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return np.asarray((tall[:, :, :-2] + 2 * tall[:, :, 1:-1] + tall[:, :, 2:]) / 16)
