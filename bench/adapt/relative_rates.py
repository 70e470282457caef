"""Learning rates by relative gradient norms, tensor by tensor and epoch by epoch (Auto-RGN, Lee et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.adapt.train import Rule, Training
from bench.backbone.parameters import no_weight_decay

BATCHES = 5  # that a ratio is the mean of


class RelativeRates(Rule):
    """Before each epoch: a rate for each tensor, and an optimiser that has forgotten the epoch before.

    Source: anniesch/surgical-finetuning@effeec3, main.py, `get_lr_weights`.
    """

    def begin_epoch(self, training: Training) -> None:
        """Sets the rates by the gradients of the first batches of a draw of its own; their FLOPs are charged."""
        ratios = self.ratios(training)
        largest = torch.stack(list(ratios.values())).nan_to_num(0.0).max().clamp_min(1e-30)
        exempt, decay = no_weight_decay(training.network), training.recipe.weight_decay
        groups = []
        for name, weight in training.network.named_parameters():
            if name in ratios:
                scale = float((ratios[name] / largest).nan_to_num(1.0))
                decayed = weight.ndim > 1 and name not in exempt
                groups.append({"params": [weight], "lr_scale": scale, "weight_decay": decay if decayed else 0.0})
        training.optimise(groups)

    def ratios(self, training: Training) -> dict[str, Tensor]:
        """||gradient|| / ||weight|| of each trained tensor, scalars: their mean over batches, NaN for a zero weight."""
        seen: dict[str, list[Tensor]] = {}
        for batch in training.epoch()[:BATCHES]:
            training.differentiate(batch)
            for name, weight in training.network.named_parameters():
                if weight.requires_grad and weight.grad is not None:
                    size = weight.detach().norm()
                    ratio = torch.where(size > 0, weight.grad.norm() / size, torch.nan)
                    seen.setdefault(name, []).append(ratio)
        return {name: torch.stack(values).mean() for name, values in seen.items()}
