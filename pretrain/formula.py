"""Formula-driven pictures: images of nothing, 32 x 32 in colour, each labelled with the formula that drew it.

After Kataoka et al., Pre-training without Natural Images (ACCV 2020), and Takashima et al., Visual Atoms (CVPR 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pretrain import shapes, surfaces
from pretrain.shapes import SIDE, Array, X, Y, normal, uniform

Draw = Callable[[np.random.Generator, Array, Array], Array]


@dataclass(frozen=True)
class Family:
    """Formulas of one form: how they are drawn, and a table of parameters with one row per class."""

    draw: Draw
    table: Array
    covers: bool  # whether it fills the picture; otherwise it leaves a background


FAMILIES = (
    Family(shapes.glyphs, shapes.alphabet(1, 90), covers=False),
    Family(shapes.contours, shapes.outlines(2, 40), covers=False),
    Family(shapes.fractals, shapes.systems(3, 30), covers=False),
    Family(shapes.scatters, shapes.swarms(4, 30), covers=False),
    Family(surfaces.noises, surfaces.spectra(5, 35), covers=True),
    Family(surfaces.waves, surfaces.chords(6, 20), covers=True),
    Family(surfaces.tessellations, surfaces.diagrams(7, 25), covers=True),
    Family(surfaces.bands, surfaces.currents(8, 20), covers=True),
)
CLASSES = sum(len(family.table) for family in FAMILIES)


def ramp(rng: np.random.Generator, n: int) -> Array:
    """Linear gradients of a random direction, about -1..1, (n, 32, 32, 1)."""
    angle = uniform(rng, 0, 6.283, (n, 1))
    return (np.cos(angle) * X + np.sin(angle) * Y).reshape(n, SIDE, SIDE, 1)


def colours(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Two colours per picture, each (n, 1, 1, 3) in 0..1, that differ in lightness by at least about a fifth."""
    light = uniform(rng, 0.05, 0.95, (n, 1))
    apart = uniform(rng, 0.2, 0.75, (n, 1)) * np.where(light > 0.5, -1, 1)
    tint = uniform(rng, 0, 0.35, (n, 1))
    first, second = light + normal(rng, 1, (n, 3)) * tint, light + apart + normal(rng, 1, (n, 3)) * tint
    swap = rng.random((n, 1)) < 0.5
    pair = np.where(swap, first, second), np.where(swap, second, first)
    return pair[0][:, None, None], pair[1][:, None, None]


def lit(rng: np.random.Generator, image: Array, height: Array) -> Array:
    """Images (n, 32, 32, 3) with light from one side on some, uneven brightness, and camera noise."""
    n = len(image)
    down, right = np.gradient(height, axis=(1, 2))
    angle = uniform(rng, 0, 6.283, (n, 1, 1))
    relief = (np.cos(angle) * right + np.sin(angle) * down)[..., None]
    image = image + relief * uniform(rng, 0, 0.6, (n, 1, 1, 1)) * (rng.random((n, 1, 1, 1)) < 0.4)
    image = image * (1 + ramp(rng, n) * uniform(rng, 0, 0.4, (n, 1, 1, 1)))
    grain = uniform(rng, 0, 0.12, (n, 1, 1, 1)) ** 1.5 * 2
    return image + rng.standard_normal(image.shape, dtype=np.float32) * grain


def painted(rng: np.random.Generator, height: Array, covers: bool) -> Array:
    """Pictures uint8 (n, 32, 32, 3) of masks (n, 32, 32) in 0..1: colours, background, light and noise are added."""
    n = len(height)
    ground, figure = colours(rng, n)
    if not covers:
        clouds = surfaces.soft_noise(rng, n)[..., None] - 0.5
        cloudy = uniform(rng, 0, 0.6, (n, 1, 1, 1)) * (rng.random((n, 1, 1, 1)) < 0.5)
        ground = ground + clouds * cloudy * uniform(rng, 0.2, 1, (n, 1, 1, 3))
    figure = figure + ramp(rng, n) * normal(rng, 0.1, (n, 1, 1, 3))
    image = ground + height[..., None] * (figure - ground)
    return np.asarray(np.clip(lit(rng, image, height), 0, 1) * 255 + 0.5, np.uint8)


def draw(seed: int, n: int) -> tuple[Array, Array]:
    """`n` pictures of classes drawn at random: uint8 (n, 32, 32, 3) and int64 labels (n,) in 0..CLASSES-1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    images = np.empty((n, SIDE, SIDE, 3), np.uint8)
    start = 0
    for family in FAMILIES:
        mine = np.flatnonzero((labels >= start) & (labels < start + len(family.table)))
        if len(mine):
            images[mine] = painted(rng, family.draw(rng, labels[mine] - start, family.table), family.covers)
        start += len(family.table)
    return images, labels
