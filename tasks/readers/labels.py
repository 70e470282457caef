"""The label rules of VTAB-1k that are more than a class: counts, bins and coarser grids.

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
    """The largest i with threshold[i] < value, compared in single precision as the reference does."""
    below = np.flatnonzero(np.asarray(thresholds, np.float32) < np.float32(value))
    return int(below[-1])


def clevr_count(depths: Sequence[float]) -> int:
    """Number of objects minus three; `depths` has one entry an object."""
    return len(depths) - CLEVR_FEWEST


def clevr_distance(depths: Sequence[float]) -> int:
    """Bin of the depth of the closest object (the third of its pixel coordinates)."""
    return bin_of(min(depths), CLEVR_DEPTHS)


def kitti_distance(metres: Iterable[float]) -> int:
    """Bin of the distance of the closest vehicle; the last one when there is none."""
    return bin_of(min(metres, default=KITTI_NO_VEHICLE), KITTI_METRES)


def dsprites_location(x: np.ndarray) -> np.ndarray:
    """Sixteen columns (n,) out of the 32 horizontal positions (n,)."""
    return x // 2


def dsprites_orientation(orientation: np.ndarray) -> np.ndarray:
    """Sixteen bins (n,) out of the 40 orientations (n,): floor(orientation / 2.5)."""
    return orientation * 2 // 5


def plain(example: Mapping[str, Any]) -> int:
    """The label of a prepared example that has one."""
    return int(example["label"][0])


def prepared_clevr_count(example: Mapping[str, Any]) -> int:
    """From the prepared objects, whose pixel coordinates are three numbers each."""
    return clevr_count(example["objects/pixel_coords"].reshape(-1, 3)[:, 2])


def prepared_clevr_distance(example: Mapping[str, Any]) -> int:
    """From the prepared objects, whose pixel coordinates are three numbers each."""
    return clevr_distance(example["objects/pixel_coords"].reshape(-1, 3)[:, 2])


def prepared_kitti_distance(example: Mapping[str, Any]) -> int:
    """From the prepared objects, whose types are numbered and whose locations are three numbers each."""
    metres = np.asarray(example["objects/location"]).reshape(-1, 3)[:, 2]
    return kitti_distance(metres[np.asarray(example["objects/type"], np.int64) < len(KITTI_VEHICLES)])


def prepared_dsprites_location(example: Mapping[str, Any]) -> int:
    """From the prepared horizontal position, 0..31."""
    return int(dsprites_location(example["label_x_position"])[0])


def prepared_dsprites_orientation(example: Mapping[str, Any]) -> int:
    """From the prepared orientation, 0..39."""
    return int(dsprites_orientation(example["label_orientation"])[0])


def prepared_smallnorb_azimuth(example: Mapping[str, Any]) -> int:
    """As prepared, 0..17."""
    return int(example["label_azimuth"][0])


def prepared_smallnorb_elevation(example: Mapping[str, Any]) -> int:
    """As prepared, 0..8."""
    return int(example["label_elevation"][0])
