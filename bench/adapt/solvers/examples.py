"""Examples: what a head is solved from, the pooled features of the training images with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.backbone.features import Features, features
from bench.backbone.forward import taps
from bench.backbone.last_blocks import Target
from bench.spec import Backbone, Meter, Split


@dataclass(frozen=True)
class Examples:
    """Features and labels of n training images, and the meter that is charged for what is done with them."""

    features: Features  # a block (n, width) a tap, on the same device if it has room for them
    labels: Tensor  # int64 (n,), on the device on which heads are solved
    classes: int
    learnt: int  # how many come before the held-out ones, which may choose something
    taps: Sequence[str]  # where in the network each block was read
    meter: Meter

    @property
    def device(self) -> torch.device:
        """The device on which heads are solved: the backbone's, or the CPU beside an Apple GPU."""
        return self.labels.device

    @property
    def matrix(self) -> Tensor:
        """All features side by side, float32 (n, features), on the device."""
        return self.features.concatenated().to(self.device)

    def fitted(self) -> Examples:
        """The first `learnt` examples, to fit on when the held-out ones choose something.

        The same fraction at their end is held out of them, as in `Split.fitted`.
        """
        count = self.learnt
        held_out = round(count * (len(self.labels) - count) / len(self.labels))
        part = self.features.of(range(count))
        return replace(self, features=part, labels=self.labels[:count], learnt=count - held_out)


def read_examples(backbone: Backbone, split: Split, target: Target, meter: Meter) -> Examples:
    """The examples of a training split; the forward pass is attributed to `meter`.

    Each layer is pooled to about `target` numbers; None reads the pooled embedding alone. Raises UserError
    where an activation is not finite.
    """
    read = features(backbone, split.images, target, meter)
    mps = backbone.device.type == "mps"  # it has no float64
    labels = torch.from_numpy(split.labels).to("cpu" if mps else backbone.device)
    names = [tap.name for tap in taps(backbone, target)]
    return Examples(read, labels, split.classes, split.learnt, names, meter)
