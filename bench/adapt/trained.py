"""A trained network as it is evaluated and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from bench.images.pixels import placed
from bench.spec import Backbone, Meter, Split

BATCH = 100  # images a forward pass over held-out images


@dataclass(frozen=True)
class Trained:
    """A whole adapted network, in eval mode, and what of it must be kept."""

    backbone: Backbone  # for its preprocessing and device
    network: nn.Module
    kept: Callable[[nn.Module], Mapping[str, Tensor]]

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Scores float32 (batch, classes) of uint8 pixels (batch, 3, size, size)."""
        with self.backbone.computing(trained=True):
            return self.network(self.backbone.inputs(images)).float()  # type: ignore[no-any-return]

    def stored(self) -> Mapping[str, Tensor]:
        """What is kept for the task, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self.kept(self.network).items()}

    def hits(self, held_out: Split, meter: Meter) -> int:
        """How many held-out images are classified rightly; the passes are charged to `meter`."""
        device = self.backbone.device
        images, rows = placed(held_out.images, self.backbone.image_size, device)
        labels, right = torch.from_numpy(held_out.labels).to(device), []
        for some, answers in zip(rows.to(device).split(BATCH), labels.split(BATCH), strict=True):
            scores = meter.step(None, partial(self.logits, images.index_select(0, some)))
            right.append((scores.argmax(1) == answers).sum())
        return int(torch.stack(right).sum())  # waits for the device once
