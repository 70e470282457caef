"""Activations of a frozen backbone at one place: computed once a task, and attributed in full to each that reads them.

They are held in half precision where that changes their numbers by no more than its rounding, as features are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from bench.backbone.cut import Cut
from bench.backbone.extract import Extract, batch_size, half_serves, home
from bench.backbone.feature_cache import activation_slot
from bench.backbone.features import TaskImages, origin
from bench.costs.memory import Halving, fits
from bench.images.pixels import pixels
from bench.images.staging import staged
from bench.spec import Backbone, Images, Meter, UserError


@dataclass(frozen=True)
class Activations:
    """What a backbone hands on at a cut, of a set of images: `held[rows]` are those of the images asked for."""

    held: Tensor  # (n, …), float16 or float32, on the device if there is room, else in RAM
    rows: Tensor  # int64 (m,), on the CPU


def activations(backbone: Backbone, images: Images, cut: Cut, charge: Meter) -> Activations | None:
    """The activations of a training split, as they are without augmentation.

    None where the backbone cannot be cut there, and where memory has no room for them. They are computed once a task,
    and read from the disk cache where an earlier run left them. The pass over all images is attributed to each caller,
    before its first step. Raises UserError where a number is not finite.
    """
    whole, rows = origin(images)
    kept = whole.activations if isinstance(whole, TaskImages) else {}
    if cut.place not in kept:
        kept[cut.place] = _found(backbone, whole, cut, charge.alone())
    found = kept[cut.place]
    charge.found(found.flops, found.seconds)
    if not found.held:
        return None
    return Activations(found.held[0], torch.tensor(range(len(whole)) if rows is None else list(rows)))


def _found(backbone: Backbone, images: Images, cut: Cut, shared: Meter) -> Extract:
    """The activations from the disk cache, or computed and put there; with none held where that cannot be."""
    first = pixels(images, backbone.image_size)[:2]
    with backbone.computing(trained=False):
        tried = shared.step(None, lambda: cut.tried(backbone.module, backbone.inputs(first)))
    if tried is None or not fits(4 * tried[0].numel() * len(images), torch.device("cpu")):
        shared.stop()
        return Extract((), shared.flops, shared.seconds)
    file = activation_slot(backbone, images, cut.place, tried.shape[1:])
    read = file.take() if file is not None else None
    if read is not None:
        place = home(read.held[0].numel(), backbone.device)
        return replace(read, held=tuple(block.to(place) for block in read.held))
    held = _computed(backbone, images, cut, shared)
    shared.stop()
    made = Extract((held,), shared.flops, shared.seconds)
    if file is not None:
        file.put(made)
    return made


def _computed(backbone: Backbone, images: Images, cut: Cut, shared: Meter, half: bool = True) -> Tensor:
    """One forward pass over all images, up to the cut. Where half precision does not hold a number, one more."""
    held, done, halving = None, 0, Halving()

    def work(some: Tensor) -> Tensor:
        return shared.step(("activations", some.shape), partial(_before, backbone, cut, some))

    for batch in staged(pixels(images, backbone.image_size).split(batch_size(backbone)), backbone.device):
        for part in halving(batch, work):
            if held is None:
                kind = torch.float16 if half and half_serves(part) else torch.float32
                where = home(len(images) * part[0].numel(), backbone.device)
                held = torch.empty(len(images), *part.shape[1:], dtype=kind, device=where)
            held[done : done + len(part)] = part
            done += len(part)
    assert held is not None
    if held.sum(dtype=torch.float32).isfinite():
        return held
    if held.dtype == torch.float16:
        return _computed(backbone, images, cut, shared, half=False)
    raise UserError("the backbone's activations are not finite; check its weights and preprocessing")


@torch.no_grad()
def _before(backbone: Backbone, cut: Cut, images: Tensor) -> Tensor:
    """What the frozen network hands on at the cut, float32 (batch, …), of uint8 pixels (batch, 3, height, width)."""
    with backbone.computing(trained=False):
        return cut.before(backbone.module, backbone.inputs(images)).float().contiguous()
