"""Which of all pooled features a head reads: how they are read out of the blocks of taps, and how that is stored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bench.backbone.features import Features


def pack(selected: Tensor, width: int) -> dict[str, Tensor]:
    """The sorted columns `selected`, int64 (kept,) of `width`, in the form that takes fewer bytes.

    `mask` has a bit for each of all features, uint8 (width / 8, rounded up). `index` lists those selected, int32.
    """
    mask = np.zeros(width, dtype=bool)
    mask[selected.cpu().numpy()] = True
    packed = torch.from_numpy(np.packbits(mask))
    index = selected.cpu().to(torch.int32)
    return {"mask": packed} if packed.nbytes <= index.nbytes else {"index": index}


def unpack(stored: Mapping[str, Tensor], width: int) -> Tensor | None:
    """The columns that `pack` was given, int64 (kept,). None where `stored` has neither form."""
    if "index" in stored:
        return stored["index"].long()
    if "mask" in stored:
        return torch.from_numpy(np.unpackbits(stored["mask"].numpy(), count=width)).nonzero()[:, 0]
    return None


def select(features: Features, selected: Tensor | None, whole: bool = False) -> Tensor:
    """The selected features of n images, float32 (n, kept), where the features lie.

    Of each image, each tap's selected part is divided by its l2 norm, or by that of the `whole` tap. Without a
    selection all features are returned as they are.
    """
    if selected is None:
        return features.concatenated()
    device = features.held[0].device
    columns = per_block(features.widths, selected.to(device))
    made = torch.empty(len(features.held[0]), len(selected), device=device)
    parts = made.split([len(chosen) for chosen in columns], dim=1)
    for block, chosen, part in zip(features.held, columns, parts, strict=True):
        if len(chosen):
            kept = (block if len(chosen) == block.shape[1] else block.index_select(1, chosen)).float()
            torch.div(kept, norms(block.float() if whole else kept), out=part)
    return made


def norms(part: Tensor) -> Tensor:
    """The l2 norms (n, 1) of the rows of `part` (n, width), at least 1e-12, so that they can be divided by."""
    length: Tensor = torch.linalg.vector_norm(part, dim=1, keepdim=True)
    return length.clamp_min(1e-12)


def per_block(sizes: list[int], selected: Tensor) -> list[Tensor]:
    """The sorted columns `selected`, split among blocks of these widths and counted within each block."""
    ends = torch.tensor(sizes).cumsum(0)
    bounds = torch.searchsorted(selected.cpu(), ends).tolist()
    starts = [0, *bounds[:-1]]
    offsets = [0, *ends.tolist()[:-1]]
    return [selected[start:end] - offset for start, end, offset in zip(starts, bounds, offsets, strict=True)]
