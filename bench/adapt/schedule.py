"""The learning rate of a training loop: where it starts from, and how it changes step by step."""

from __future__ import annotations

import math

from torch import nn


def default_lr(network: nn.Module) -> float:
    """1e-3 for a network with batch norm, 1e-4 for one without: layer norm and attention bear less in so few steps."""
    return 1e-3 if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()) else 1e-4


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Factor on the learning rate at `step` of `steps`: linear up over the first `warmup` of them, then cosine to 0."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
