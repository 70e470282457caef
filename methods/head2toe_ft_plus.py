"""Head2Toe-FT+: Head2Toe or Head2Toe-FT, whichever does better on the validation images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split, UserError
from methods.head2toe_ft import Head2ToeFT

if TYPE_CHECKING:
    from torch import Tensor

    from bench.adapt.trained import Tuned
    from bench.backbone.features import Features


@method("head2toe_ft_plus", extra=True)
@dataclass(frozen=True)
class Head2ToeFTPlus(Head2ToeFT):
    """Fits Head2Toe and Head2Toe-FT on train800, and the one with the higher accuracy on val200 again on all images.

    Of equals it is Head2Toe, which leaves the backbone as it is and keeps a head alone.
    """

    @property
    def passes(self) -> float:
        return 1.0 + 2 * 3.0 * self.epochs

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        from bench.backbone.features import features

        if not train.validation:
            raise UserError("head2toe_ft_plus chooses on validation images and there are none; take one of the two")
        read = features(backbone, train.images, self.target, meter)
        kept, fitted, held = train.learnt, train.fitted(), train.held_out()
        begun = read.of(range(kept))
        frozen = self.head_alone(backbone, begun, fitted, meter)
        trained = self.tune(backbone, begun, fitted, Unheard(meter))
        if right(trained, held, meter) > right(frozen, held, meter):
            return self.tune(backbone, read, train, meter)
        return self.head_alone(backbone, read, train, meter)

    def head_alone(self, backbone: Backbone, read: Features, train: Split, meter: Meter) -> Tuned:
        """Head2Toe itself, with the same selection."""
        import torch  # here and below, so that listing methods stays light

        from bench.adapt.probe import Probe
        from bench.adapt.ranking import Choice, choose, head_on
        from bench.adapt.solvers.adam import AdamRecipe
        from bench.adapt.trained import untouched

        labels = torch.from_numpy(train.labels).to(backbone.device)
        recipe = AdamRecipe(self.steps, self.head_lr, self.head_batch, self.group_lasso)
        kept = choose(read, labels, train.classes, Choice("group_lasso", self.fraction), recipe, meter)
        head = head_on(read, kept, labels, train.classes, replace(recipe, group_lasso=0.0), meter)
        return untouched(
            Probe(backbone, self.target, kept.to(backbone.device), sum(read.widths), head.weight, head.bias)
        )


class Unheard:
    """A meter that charges everything and keeps no curve: for a training that only serves a choice."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meter, name)

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Is not told to anyone."""


def right(adapted: Tuned, held: Split, meter: Meter) -> int:
    """How many validation images are classified rightly."""
    import torch  # here and below, so that listing methods stays light

    from bench.images.pixels import pixels

    hits = 0
    labels = torch.from_numpy(held.labels)
    images = pixels(held.images, adapted.backbone.image_size)
    for batch, answers in zip(images.split(100), labels.split(100), strict=True):
        scores = meter.step(None, partial(adapted.logits, batch))
        hits += int((scores.argmax(1).cpu() == answers).sum())
    return hits
