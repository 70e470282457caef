"""The labels of VTAB-1k that have to be computed: counts, bins and coarser grids.

Source: google-research/task_adaptation, `task_adaptation/data/{clevr,kitti,dsprites}.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

CLEVR_FEWEST = 3  # objects in a scene
CLEVR_DEPTHS = (0.0, 8.0, 8.5, 9.0, 9.5, 10.0, 100.0)
KITTI_METRES = (-100.0, 8.0, 20.0, 999.0)  # the last bin is for images without a vehicle
KITTI_NO_VEHICLE = 1000.0
KITTI_VEHICLES = ("Car", "Van", "Truck")  # the first three types of tensorflow-datasets


def bin_of(value: float, thresholds: Sequence[float]) -> int:
    """The largest i with thresholds[i] < value, compared in single precision as the reference does."""
    below = np.flatnonzero(np.asarray(thresholds, np.float32) < np.float32(value))
    return int(below[-1])


def clevr_count(depths: Sequence[float]) -> int:
    """Number of objects minus three; `depths` has one entry per object."""
    return len(depths) - CLEVR_FEWEST


def clevr_distance(depths: Sequence[float]) -> int:
    """Bin of the depth of the closest object. The depth is the third of an object's pixel coordinates."""
    return bin_of(min(depths), CLEVR_DEPTHS)


def kitti_distance(metres: Iterable[float]) -> int:
    """Bin of the distance of the closest vehicle in metres; the last bin if there is none."""
    return bin_of(min(metres, default=KITTI_NO_VEHICLE), KITTI_METRES)


def dsprites_location(x: np.ndarray) -> np.ndarray:
    """Sixteen columns (n,) out of 32 horizontal positions (n,)."""
    return x // 2


def dsprites_orientation(orientation: np.ndarray) -> np.ndarray:
    """Sixteen bins (n,) out of 40 orientations (n,): floor(orientation / 2.5)."""
    return orientation * 2 // 5


def plain(example: Mapping[str, Any]) -> int:
    """The label that a prepared example states."""
    return int(example["label"][0])


def prepared_clevr_count(example: Mapping[str, Any]) -> int:
    """Number of objects minus three, out of a prepared example with three pixel coordinates per object."""
    return clevr_count(example["objects/pixel_coords"].reshape(-1, 3)[:, 2])


def prepared_clevr_distance(example: Mapping[str, Any]) -> int:
    """Bin of the closest object, out of a prepared example with three pixel coordinates per object."""
    return clevr_distance(example["objects/pixel_coords"].reshape(-1, 3)[:, 2])


def prepared_kitti_distance(example: Mapping[str, Any]) -> int:
    """Bin of the closest vehicle, out of a prepared example with a type number and three coordinates per object."""
    metres = np.asarray(example["objects/location"]).reshape(-1, 3)[:, 2]
    return kitti_distance(metres[np.asarray(example["objects/type"], np.int64) < len(KITTI_VEHICLES)])


def prepared_dsprites_location(example: Mapping[str, Any]) -> int:
    """Column 0..15, out of a prepared example with a horizontal position 0..31."""
    return int(dsprites_location(example["label_x_position"])[0])


def prepared_dsprites_orientation(example: Mapping[str, Any]) -> int:
    """Rotation 0..15, out of a prepared example with an orientation 0..39."""
    return int(dsprites_orientation(example["label_orientation"])[0])


def prepared_smallnorb_azimuth(example: Mapping[str, Any]) -> int:
    """Azimuth 0..17, as prepared."""
    return int(example["label_azimuth"][0])


def prepared_smallnorb_elevation(example: Mapping[str, Any]) -> int:
    """Elevation 0..8, as prepared."""
    return int(example["label_elevation"][0])
