"""A trained network as it is evaluated and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.costs.memory import Halving
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
        """Scores float32 (batch, classes) of uint8 pixels (batch, 3, height, width)."""
        with self.backbone.computing(trained=True):
            return self.network(self.backbone.inputs(images)).float()  # type: ignore[no-any-return]

    def stored(self) -> Mapping[str, Tensor]:
        """What is kept for the task, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self.kept(self.network).items()}

    def hits(self, held_out: Split, meter: Meter) -> int:
        """How many held-out images are classified rightly; the passes are charged to `meter`."""
        device = self.backbone.device
        images, rows = placed(held_out.images, self.backbone.image_size, device)

        def scored(some: Tensor) -> Tensor:
            return meter.step(None, lambda: self.logits(images.index_select(0, some)))

        halving = Halving()
        scores = [part for some in rows.to(device).split(BATCH) for part in halving(some, scored)]
        answers = torch.cat(scores).argmax(1)
        return int((answers == torch.from_numpy(held_out.labels).to(device)).sum())  # waits for the device once
