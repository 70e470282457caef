"""The last blocks of a network as the authors of DINO read them for a linear head, and what a pooling target may be.

timm lists the blocks of a vision transformer, and the stages of any other network, as its `feature_info`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.backbone.taps import EMBEDDING
from bench.spec import Tap


@dataclass(frozen=True)
class LastBlocks:
    """The class token of each of the last blocks, normalised, and the mean patch token of the last one if `mean`.

    Without a class token it is the mean of all tokens. Of a network of maps they are the means of the stages before the
    last, and the pooled embedding; `mean` adds nothing there.

    Sources: Caron et al. 2021, appendix F.2; facebookresearch/dinov2 @ b8931f7, dinov2/eval/linear.py. There the
    normalisation is the network's last, whose scale and shift of each feature change nothing for a standardised head.
    """

    count: int  # blocks, at least 1
    mean: bool


Target = int | LastBlocks | None
"""About how many numbers each tap is pooled to, or the last blocks; None for the pooled embedding alone."""


def stages(network: Any) -> list[tuple[str, int]]:
    """Names and channels of a timm network's blocks or stages, from first to last; none where timm lists none."""
    info = getattr(network, "feature_info", None) or []
    modules = dict(network.named_modules())
    return [(one["module"], one["num_chs"]) for one in info if one["module"] in modules]


def has_class_token(network: nn.Module) -> bool:
    """Whether it is a transformer whose first token stands for the image."""
    return getattr(network, "cls_token", None) is not None


def last_taps(network: nn.Module, target: LastBlocks, embedding: Tap) -> list[Tap]:
    """What a network is read for by `target`, as vectors in the order of the network."""
    found = stages(network)[-target.count :]
    taps = [Tap(name, "vector", (width,)) for name, width in found]
    if not has_class_token(network):
        return [*taps[:-1], embedding]
    if target.mean:
        taps[-1] = Tap(taps[-1].name, "vector", (2 * found[-1][1],))
    return taps


def read_block(network: Any, name: str, output: Tensor, target: LastBlocks) -> Tensor:
    """Features (batch, width) of the output of one of the last blocks: tokens, maps, or the embedding as it is."""
    if name == EMBEDDING:
        return output
    if output.dim() == 4:
        return output.mean((1, 2) if getattr(network, "output_fmt", "NCHW") == "NHWC" else (2, 3))
    tokens = functional.layer_norm(output, output.shape[-1:], eps=1e-6)  # timm's eps for transformers
    if not has_class_token(network):
        return tokens.mean(1)
    if not target.mean or name != stages(network)[-1][0]:
        return tokens[:, 0]
    patches = tokens[:, network.num_prefix_tokens :]
    return torch.cat([tokens[:, 0], patches.mean(1)], dim=1)
