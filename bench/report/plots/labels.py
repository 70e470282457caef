"""Names beside points. Each stands as near as it can without touching another name, a point or the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Line = Sequence[Point]  # straight pieces from point to point
Boxes = NDArray[np.float64]  # (n, 4): left, bottom, right, top; in pixels
ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 20, 160, 340, 200, 65, 115, 245, 295)  # degrees, in order of preference
STEPS = 30  # distances tried
ROUNDS = 6
NEAR = 3  # of these distances, within which a name needs no line to its point


def place(
    points: Sequence[Point], sizes: Sequence[Point], frame: Boxes, lines: Sequence[Line], radius: float,
    nameless: Sequence[Point] = (),
) -> Boxes:  # fmt: skip
    """A box (left, bottom, right, top) for the name of each point, (n, 4). All numbers are pixels.

    `sizes` are the names' widths and heights. The names stay within `frame`, (4,), off the markers of `points` and of
    `nameless`, which have this `radius`, and off `lines` where that is cheap. The most crowded point chooses first.
    Then each name moves to its cheapest candidate while the others stay, for a few rounds.
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
    nameless: Sequence[Point] = (), written: Boxes | None = None,
) -> dict[int, Boxes]:  # fmt: skip
    """Boxes by number of the point, as those of `place`, but only where they touch nothing.

    The least crowded points choose first. `written`, (n, 4), are names that are there already.
    """
    taken = np.array([around(point, radius) for point in (*points, *nameless)])
    taken = taken if written is None else np.vstack([taken, written])
    dots = sampled(lines, step=2 * radius)
    found = {}
    for at in sorted(range(len(points)), key=lambda at: crowding((*points, *nameless), at)):
        boxes, away = candidates(points[at], sizes[at], radius, NEAR)
        touched = overlaps(boxes, taken).sum(1) + overlaps(boxes, dots).sum(1)
        free = touched + math.prod(sizes[at]) - overlaps(boxes, frame[None])[:, 0] < 1e-3
        if free.any():
            found[at] = boxes[int(np.argmin(np.where(free, away, np.inf)))]
            taken = np.vstack([taken, found[at]])
    return found


def candidates(point: Point, size: Point, radius: float, steps: int = STEPS) -> tuple[Boxes, NDArray[np.float64]]:
    """Candidate boxes around a point, the nearest first, and the penalty of each for its distance and direction."""
    distances = radius * (1.6 + 0.9 * np.arange(steps)).repeat(len(ANGLES))
    turns = np.tile(np.radians(ANGLES), steps)
    preference = np.tile(np.linspace(0, 0.3 * radius, len(ANGLES)), steps)
    half = np.array(size) / 2
    centres = np.array(point) + np.stack([np.cos(turns), np.sin(turns)], 1) * (distances[:, None] + half)
    return np.hstack([centres - half, centres + half]), distances + preference


def fixed_price(boxes: Boxes, markers: Boxes, frame: Boxes, dots: Boxes) -> NDArray[np.float64]:
    """The part of a box's price that no other name changes: square pixels on markers, outside the frame, on lines."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    beyond = area - overlaps(boxes, frame[None])[:, 0]
    price: NDArray[np.float64] = 100 * overlaps(boxes, markers).sum(1) + 200 * beyond + 3 * overlaps(boxes, dots).sum(1)
    return price


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Shared area of each first box with each second box, (n, m), square pixels."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(2), dtype=np.float64)


def around(point: Point, radius: float) -> tuple[float, float, float, float]:
    """The box of a marker."""
    return point[0] - radius, point[1] - radius, point[0] + radius, point[1] + radius


def crowding(points: Sequence[Point], at: int) -> float:
    """A number that is larger the nearer the other points are."""
    return sum(1 / (1 + math.dist(points[at], other)) for index, other in enumerate(points) if index != at)


def sampled(lines: Sequence[Line], step: float) -> Boxes:
    """Small boxes along lines, about `step` pixels apart."""
    pieces = [piece for line in lines for piece in pairwise(line)]
    dots = [np.linspace(start, end, 2 + round(math.dist(start, end) / step)) for start, end in pieces]
    centres = np.concatenate([np.zeros((0, 2)), *dots])
    return np.hstack([centres - 1.5, centres + 1.5])
