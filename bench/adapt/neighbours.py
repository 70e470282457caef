"""Votes of the nearest training images: a probe whose linear part gives similarities, and whose classes vote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.adapt.probe import Probe
from bench.spec import Backbone

LEAST = 1e-12  # share of the votes, so that its logarithm is finite


@dataclass(frozen=True, kw_only=True)
class Neighbours(Probe):
    """A probe whose linear scores (batch, images) are cosine similarities to the training images.

    Its `weight` is theirs, with unit norm, of numbers that half precision holds. Its class scores are the logarithms of
    the classes' shares of the votes.
    """

    labels: Tensor  # int64 (images,), of the training images
    classes: int
    k: int
    temperature: float

    def finish(self, scores: Tensor) -> Tensor:
        """Class scores (batch, classes) of similarities (batch, images)."""
        return votes(scores, self.labels, self.classes, self.k, self.temperature)

    def stored(self) -> Mapping[str, Tensor]:
        """The training images' features in half precision, their labels, and how many of them vote."""
        labels = self.labels.to("cpu", torch.int32)
        return {"weight": self.weight.cpu().half(), "labels": labels, "k": torch.tensor(self.k)}


def neighbours(
    backbone: Backbone, features: Tensor, labels: Tensor, classes: int, k: int, temperature: float
) -> Neighbours:  # fmt: skip
    """The probe of training images with features of unit norm (images, width) and labels (images,)."""
    device = backbone.device
    weight = features.half().float().t().contiguous().to(device)
    width, count = weight.shape
    return Neighbours(
        backbone, None, torch.arange(width, device=device), width, weight, torch.zeros(count, device=device),
        labels=labels.to(device).long(), classes=classes, k=k, temperature=temperature,
    )  # fmt: skip


def votes(similarities: Tensor, labels: Tensor, classes: int, k: int, temperature: float) -> Tensor:
    """Log shares (batch, classes) of the votes exp(cosine / temperature) of the k most similar images.

    `similarities` (batch, images) are cosines. Source: facebookresearch/dino @ 04c0ad9, eval_knn.py.
    """
    nearest = similarities.topk(min(k, len(labels)), dim=1)
    each = (nearest.values / temperature).softmax(1)  # the common factor of an image's votes decides nothing
    shares = each.new_zeros(len(each), classes).scatter_add_(1, labels[nearest.indices], each)
    return shares.clamp_min(LEAST).log()
