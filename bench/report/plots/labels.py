"""Names beside points: each as near as can be where it overlaps no other name, no point and no edge of the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Line = Sequence[Point]  # straight pieces from point to point
Boxes = NDArray[np.float64]  # (n, 4): left, bottom, right, top; in pixels
ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 20, 160, 340, 200, 65, 115, 245, 295)  # degrees, the preferred first
STEPS = 30  # distances tried
ROUNDS = 6
NEAR = 3  # of them a name can be read as that of its point without a line to it


def place(
    points: Sequence[Point], sizes: Sequence[Point], frame: Boxes, lines: Sequence[Line], radius: float,
    nameless: Sequence[Point] = (),
) -> Boxes:  # fmt: skip
    """A box (left, bottom, right, top) of the given size (width, height) for each point, (n, 4), all in pixels.

    Greedy from the most crowded point on, then improved a few times: each name takes the cheapest of its candidates
    while the others stay. `frame` (4,) bounds the names, `lines` are avoided where that is cheap, `radius` is that of
    a marker, of which `nameless` are more.
    """
    markers = np.array([around(point, radius) for point in (*points, *nameless)])
    options = [candidates(point, size, radius) for point, size in zip(points, sizes, strict=True)]
    dots = sampled(lines, step=2 * radius)
    fixed = [fixed_price(boxes, markers, frame, dots) + away for boxes, away in options]
    order = sorted(range(len(points)), key=lambda at: crowding(points, at), reverse=True)
    chosen: dict[int, int] = {}
    for _ in range(ROUNDS):
        before = dict(chosen)
        for at in order:
            others = [options[other][0][index] for other, index in chosen.items() if other != at]
            clash = overlaps(options[at][0], np.array(others)).sum(1) if others else 0.0
            chosen[at] = int(np.argmin(fixed[at] + 100 * clash))
        if chosen == before:
            break
    return np.array([options[at][0][chosen[at]] for at in range(len(points))])


def place_clear(
    points: Sequence[Point], sizes: Sequence[Point], frame: Boxes, lines: Sequence[Line], radius: float,
    nameless: Sequence[Point] = (),
) -> dict[int, Boxes]:  # fmt: skip
    """As `place`, by number of the point, but only names that touch nothing; the least crowded points come first."""
    taken = np.array([around(point, radius) for point in (*points, *nameless)])
    dots = sampled(lines, step=2 * radius)
    found = {}
    for at in sorted(range(len(points)), key=lambda at: crowding((*points, *nameless), at)):
        boxes, away = candidates(points[at], sizes[at], radius, NEAR)
        free = overlaps(boxes, taken).sum(1) + math.prod(sizes[at]) - overlaps(boxes, frame[None])[:, 0] < 1e-3
        if free.any():
            price = np.where(free, away + 3 * overlaps(boxes, dots).sum(1), np.inf)
            found[at] = boxes[int(np.argmin(price))]
            taken = np.vstack([taken, found[at]])
    return found


def candidates(point: Point, size: Point, radius: float, steps: int = STEPS) -> tuple[Boxes, NDArray[np.float64]]:
    """Boxes around a point, near ones first, and how unwelcome the distance and direction of each is."""
    distances = radius * (1.6 + 0.9 * np.arange(steps)).repeat(len(ANGLES))
    turns = np.tile(np.radians(ANGLES), steps)
    preference = np.tile(np.linspace(0, 0.3 * radius, len(ANGLES)), steps)
    half = np.array(size) / 2
    centres = np.array(point) + np.stack([np.cos(turns), np.sin(turns)], 1) * (distances[:, None] + half)
    return np.hstack([centres - half, centres + half]), distances + preference


def fixed_price(boxes: Boxes, markers: Boxes, frame: Boxes, dots: Boxes) -> NDArray[np.float64]:
    """What a place costs wherever the other names are: square pixels on markers, beyond the frame, on a line."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    beyond = area - overlaps(boxes, frame[None])[:, 0]
    price: NDArray[np.float64] = 100 * overlaps(boxes, markers).sum(1) + 200 * beyond + 3 * overlaps(boxes, dots).sum(1)
    return price


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Shared area of each of the first with each of the second, (n, m), square pixels."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(2), dtype=np.float64)


def around(point: Point, radius: float) -> tuple[float, float, float, float]:
    return point[0] - radius, point[1] - radius, point[0] + radius, point[1] + radius


def crowding(points: Sequence[Point], at: int) -> float:
    """Larger where other points are near."""
    return sum(1 / (1 + math.dist(points[at], other)) for index, other in enumerate(points) if index != at)


def sampled(lines: Sequence[Line], step: float) -> Boxes:
    """Small boxes along lines, about `step` pixels apart."""
    pieces = [piece for line in lines for piece in pairwise(line)]
    dots = [np.linspace(start, end, 2 + round(math.dist(start, end) / step)) for start, end in pieces]
    centres = np.concatenate([np.zeros((0, 2)), *dots])
    return np.hstack([centres - 1.5, centres + 1.5])
