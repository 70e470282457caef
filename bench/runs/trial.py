"""One trial: a method is fitted on a part of the training images, and its accuracy is measured on the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from bench.adapt.bases import PathMethod
from bench.adapt.probe import Probe
from bench.backbone.features import features
from bench.costs.budget import Budget
from bench.costs.memory import Halving
from bench.costs.meter import Meter
from bench.images.pixels import placed
from bench.runs.evaluate import evaluate
from bench.runs.pruning import GiveUp
from bench.spec import Adapted, Backbone, Method, Split, UserError

BATCH = 128
LOOKS = 10  # times that a training loop is evaluated on its validation images, for curves and pruning


@dataclass(frozen=True)
class Parts:
    """The training images of one fold, and the images that it is evaluated on."""

    train: Split
    held_out: Split


@dataclass(frozen=True)
class Tried:
    """The result of a trial: accuracy on held-out images, and the adapted backbone of each fold."""

    accuracy: float
    adapted: tuple[Adapted, ...]


def parts(train: Split, folds: int) -> list[Parts]:
    """train800 → val200 for one fold, else `folds` interleaved folds of all training images.

    The images that are fitted keep the same fraction at their own end as validation images, for methods that choose
    something by themselves.
    """
    if folds == 1:
        return [Parts(train.fitted(), train.held_out())]
    # Deterministic, and every class is spread over the folds as the order of the images spreads it.
    places = np.arange(len(train.labels))
    return [
        Parts(
            train.part(places[places % folds != fold].tolist()),
            replace(train.part(places[places % folds == fold].tolist()), validation=0),
        )
        for fold in range(folds)
    ]


class TrialMeter(Meter):
    """A meter that looks at the validation images from time to time, and lets a search prune the trial."""

    def __init__(
        self, device: torch.device, budget: Budget, look: Callable[[Callable[[Tensor], Tensor]], float] | None = None,
        give_up: GiveUp | None = None,
    ) -> None:  # fmt: skip
        super().__init__(device, budget)
        self.look, self.give_up = look, give_up

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Keeps both curves. `give_up(epochs done, all epochs, validation accuracy)` may raise Pruned."""
        super().epoch(done, total, loss, logits)
        if self.look is None or done % max(1, total // LOOKS):
            return
        self.stop()  # the clock goes on with the next step
        accuracy = self.look(logits)
        self.point("val", done, accuracy)
        if self.give_up is not None and done < total:
            self.give_up(done, total, accuracy)


@dataclass(frozen=True)
class Trial:
    """What all trials of a study share: backbone, training images, budget and seed."""

    backbone: Backbone
    train: Split
    budget: Budget
    seed: int
    oracle: tuple[Split, ...] = ()  # shifted test sets, where these choose, and not the held-out images

    def run(self, method: Method, meter: Meter, give_up: GiveUp) -> Tried:
        """Fits a method on every fold, charged to `meter`. Raises Pruned through `give_up`, and UserError."""
        hits, meters, adapted = 0.0, [], []
        folds = parts(self.train, method.folds)
        try:
            for fold in folds:
                look = self._looker(fold.held_out)
                own = TrialMeter(meter.device, self.budget, look, give_up if len(folds) == 1 else None)
                meters.append(own)
                torch.manual_seed(self.seed)
                adapted.append(method.fit(self.backbone, fold.train, own))
                own.stop()
                hits += self.score(adapted[-1], fold.held_out) * len(fold.held_out.labels)
        finally:
            for own in meters:
                own.halt()
            if meters:
                meter.take(meters)
        return Tried(hits / sum(len(fold.held_out.labels) for fold in folds), tuple(adapted))

    def fit_path(self, variants: Sequence[Method], meters: Sequence[Meter]) -> list[Adapted]:
        """Fits variants along a method's path together, each charged to its own meter."""
        first = variants[0]
        assert isinstance(first, PathMethod)
        (fold,) = parts(self.train, 1)
        torch.manual_seed(self.seed)
        return type(first).fit_path(variants, self.backbone, fold.train, meters)

    def tried(self, adapted: Adapted) -> Tried:
        """Evaluates a variant of a path. Raises UserError where it diverged."""
        (fold,) = parts(self.train, 1)
        return Tried(self.score(adapted, fold.held_out), (adapted,))

    def score(self, adapted: Adapted, held_out: Split) -> float:
        """The accuracy that chooses a trial: on held-out training images, or an oracle's on the shifted test sets."""
        held = self.accuracy(adapted, held_out)
        if not self.oracle:
            return held
        tests = {str(number): split for number, split in enumerate(self.oracle)}
        meter = Meter(self.backbone.device, self.budget)
        (found,) = evaluate(self.backbone, [adapted], tests, meter)
        return fmean(found.accuracy.values())

    def accuracy(self, adapted: Adapted, held_out: Split) -> float:
        """Accuracy on held-out training images, a fraction. A probe reads their cached features."""
        if not isinstance(adapted, Probe):
            return self._looker(held_out)(adapted.logits)
        if not (adapted.weight.isfinite().all() and adapted.bias.isfinite().all()):
            raise UserError("its weights are not finite; it diverged")
        read = features(self.backbone, held_out.images, adapted.target, Meter(self.backbone.device, self.budget))
        with torch.no_grad():
            answers = adapted.score(read).argmax(1).cpu().numpy()
        return float((answers == held_out.labels).mean())

    def _looker(self, held_out: Split) -> Callable[[Callable[[Tensor], Tensor]], float]:
        """Evaluates logits on the held-out images. The FLOPs are spent, but attributed to no training."""

        @torch.no_grad()
        def look(logits: Callable[[Tensor], Tensor]) -> float:
            device = self.backbone.device
            meter, halving = Meter(device, self.budget), Halving()  # new: the next look may be at another network
            images, rows = placed(held_out.images, self.backbone.image_size, device)

            def scored(some: Tensor) -> Tensor:
                return meter.step(("look", len(some)), lambda: logits(images.index_select(0, some)))

            scores = torch.cat([part for batch in rows.to(device).split(BATCH) for part in halving(batch, scored)])
            if not scores.isfinite().all():
                raise UserError("its scores are not finite; it diverged")
            return float((scores.argmax(1).cpu().numpy() == held_out.labels).mean())

        return look
