"""Rankings: which pooled features Head2Toe keeps, by each of the rankings of its official code.

Source: Evci et al., ICML 2022, and google-research/head2toe @ 6277f63.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.adapt.selection import select
from bench.adapt.solvers.adam import AdamRecipe, adam
from bench.adapt.solvers.examples import Examples
from bench.adapt.solvers.head import Head
from bench.spec import UserError

RANKINGS = ("group_lasso", "layer_wise", "variance", "random")


@dataclass(frozen=True)
class Choice:
    """The `fraction` of all features that rank highest over all layers together, after the `offset` best are left out.

    - `group_lasso` ranks a feature by the l2 norm of its row in a head that was trained on all features.
    - `layer_wise` ranks by the mean of the squared norms over a layer. It keeps whole layers, the last one in part.
    - `variance` ranks by the variance of the feature over the images.
    - `random` draws an order.

    Of features that rank equally the earlier one is kept.
    """

    ranking: str
    fraction: float
    offset: float = 0.0

    def count(self, width: int) -> tuple[int, int]:
        """How many of the best of `width` features to leave out, and how many to keep after them.

        Raises UserError where nothing would be kept.
        """
        skipped, kept = int(self.offset * width), int(self.fraction * width)
        if kept == 0:
            raise UserError(
                f"fraction {self.fraction:g} keeps none of {width} features; raise it above {1 / width:.1g}"
            )
        if self.offset < 0 or skipped + kept > width:
            raise UserError(
                f"offset {self.offset:g} leaves no fraction {self.fraction:g} of the features; both together are at "
                "most 1, and neither is negative"
            )
        return skipped, kept


def choose(examples: Examples, choice: Choice, recipe: AdamRecipe) -> Tensor:
    """The sorted columns that are kept, int64 (kept,).

    `recipe` trains the head whose rows two of the rankings need. Raises UserError for an unknown ranking, and where
    nothing would be kept.
    """
    width = sum(examples.features.widths)
    skipped, kept = choice.count(width)
    if choice.ranking == "random":
        order = torch.randperm(width)
    elif choice.ranking == "variance":
        order = ranked(select(examples.features, torch.arange(width)).var(0).cpu())
    elif choice.ranking in RANKINGS:
        scores = head_on(examples, torch.arange(width), recipe).weight.square().sum(1).cpu()
        order = ranked(scores)
        if choice.ranking == "layer_wise":  # within a layer the better feature stays first
            order = order[ranked(layer_means(scores, examples.features.widths)[order])]
    else:
        raise UserError(f"no ranking is called {choice.ranking!r}; choose one of {', '.join(RANKINGS)}")
    return order[skipped : skipped + kept].sort().values


def ranked(scores: Tensor) -> Tensor:
    """The places of the scores (features,) from the highest score to the lowest, int64 (features,)."""
    return scores.argsort(descending=True, stable=True)


def head_on(examples: Examples, columns: Tensor, recipe: AdamRecipe) -> Head:
    """A fresh head, trained on the features `columns` (kept,), each tap's part of them scaled to unit norm."""
    features = select(examples.features, columns).to(examples.device)
    head = adam(features, examples.labels, examples.classes, recipe, examples.meter)
    return replace(head, selected=columns)


def layer_means(scores: Tensor, widths: list[int]) -> Tensor:
    """For each feature the mean score of its layer, (features,); the layers have these widths."""
    return torch.cat([part.mean().expand(len(part)) for part in scores.split(widths)])
