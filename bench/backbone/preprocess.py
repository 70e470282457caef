"""The two ways from a picture to a network's input: VTAB's, which stretches it, and the one that timm states."""

from __future__ import annotations

from typing import Any

import timm
from torch import nn

from bench.images.pixel_cache import RULE
from bench.images.view import Viewer


def viewer(way: str, network: nn.Module, size: int) -> Viewer | None:
    """What shows pictures as timm states it for a network's weights; None for VTAB's way, which needs no such step.

    timm's evaluation transform (timm.data.create_transform) scales the shorter side to size / crop_pct with the stated
    interpolation, antialiased, and cuts out the centre, in 8 bits. Mean and std are applied later in either way.
    """
    if way == "vtab":
        return None
    stated: dict[str, Any] = timm.data.resolve_model_data_config(network)
    made = timm.data.create_transform(
        (3, size, size), interpolation=stated["interpolation"], crop_pct=stated["crop_pct"],
        crop_mode=stated["crop_mode"],
    )  # fmt: skip
    *steps, _to_tensor, _normalise = made.transforms
    rule = f"timm: {stated['interpolation']}, antialiased, {stated['crop_mode']} {stated['crop_pct']:g} of {size} px"

    def transform(picture: Any) -> Any:
        for step in steps:
            picture = step(picture)
        return picture

    return Viewer(rule, transform)


def told(view: Viewer | None) -> str:
    """The way in words, as records hold it."""
    return f"{RULE} to 8 bits" if view is None else view.rule
