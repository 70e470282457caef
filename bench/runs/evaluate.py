"""Evaluation: the test sets are read once, after the methods have finished; all probes of a task in one pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.probe import NORMS, Probe, score_together
from bench.costs.clock import FORWARD, Clock
from bench.costs.memory import Halving, free_bytes
from bench.costs.meter import Meter
from bench.images.pixel_cache import CachedImages
from bench.images.pixels import batches
from bench.images.resize import to_size
from bench.images.staging import staged
from bench.records.correct import Right
from bench.records.predictions import Predicted
from bench.spec import Adapted, Backbone, Images, Split, Subset, UserError

LEAST, MOST = 128, 512  # images a pass
PIXELS = 2_400_000  # of a pass over small images, so many of them that calls weigh little beside the work
MOST_ON_GPU, PIXELS_ON_GPU = 4096, 25_000_000  # the same on a GPU, which wants more work a call
ALIVE = 12  # tensors as large as a network's largest output that a pass holds at once, such as those inside a block
Answers = tuple[Tensor, Tensor]  # of some images: their classes, and minus the logarithm of each one's probability
EVENTS = 16  # batches after which the clock's CUDA events are read, for which the device is waited for


@dataclass
class Evaluation:
    """What one adapted backbone predicted for every test set, what of it is right, and its attributed seconds."""

    right: dict[str, Right] = field(default_factory=dict)
    predicted: dict[str, Predicted] = field(default_factory=dict)
    seconds: float = 0.0
    share: float = 0.0  # seconds of the pass: its own network's, or an even part of what all probes took

    @property
    def accuracy(self) -> dict[str, float]:
        """By test set, a fraction."""
        return {name: float(right.mean()) for name, right in self.right.items()}


@torch.no_grad()
def evaluate(
    backbone: Backbone, adapted: Sequence[Adapted], tests: Mapping[str, Split], meter: Meter
) -> list[Evaluation]:
    """Evaluates all of them on all test sets. Each image is decoded once, moved to the device once, and goes once
    through the frozen backbone for all probes.

    `meter` counts what that spends. Where memory runs out, the pass goes on in smaller batches. Raises BudgetSpent when
    the budget ends, UserError for a test set without images, and OutOfMemoryError where one image is too much.
    """
    found = [Evaluation() for _ in adapted]
    work = _Pass(backbone, adapted, meter)
    for name, test in tests.items():
        if not len(test.images):
            raise UserError(f"the test set {name!r} has no images; check the copy of the data")
    for images, rows in read_once(tests).values():
        answered = work.answers(images, [tests[name].possible for name in rows])
        for name, given in zip(rows, answered, strict=True):
            for one, (classes, surprise) in zip(found, given, strict=True):
                doubt = -surprise.neg().expm1().cpu().numpy()
                some = Predicted(classes.cpu().numpy()[rows[name]], doubt[rows[name]])
                one.predicted[name] = some
                one.right[name] = some.classes == tests[name].labels
    seconds = work.clock.seconds()
    for one, alone, share in zip(found, attributed(adapted, seconds), shares(adapted, seconds), strict=True):
        one.seconds, one.share = alone, share
    return found


def read_once(tests: Mapping[str, Split]) -> dict[int, tuple[Images, dict[str, Sequence[int] | slice]]]:
    """The images that are read, and which rows of them each test set has.

    A test set of some images of one before it, such as `id/<name>`, is no reading of its own.
    """
    found: dict[int, tuple[Images, dict[str, Sequence[int] | slice]]] = {}
    for name, test in tests.items():
        stored = test.images.images if isinstance(test.images, CachedImages) else test.images
        if isinstance(stored, Subset) and id(stored.images) in found:
            found[id(stored.images)][1][name] = stored.indices
        else:
            found.setdefault(id(stored), (test.images, {}))[1][name] = slice(None)
    return found


class _Pass:
    """A pass over test images at work. What it knows of memory and of FLOPs holds for all test sets."""

    def __init__(self, backbone: Backbone, adapted: Sequence[Adapted], meter: Meter) -> None:
        self.backbone, self.adapted, self.meter = backbone, adapted, meter
        self.clock, self.halving = Clock(backbone.device), Halving()

    def answers(self, images: Images, possible: Sequence[frozenset[int] | None]) -> list[list[Answers]]:
        """What each of the adapted answers for every image, on the device: once for each of `possible`, the classes
        that may be answered.
        """
        device = self.backbone.device
        among = [None if one is None else torch.tensor(sorted(one), device=device) for one in possible]
        parts: list[list[list[Answers]]] = [[[] for _ in self.adapted] for _ in possible]
        made = batches(images, self.backbone.image_size, batch_size(self.backbone))
        for number, batch in enumerate(staged(made, device)):
            for scored in self.halving(batch, self.step):
                for classes, given in zip(among, parts, strict=True):
                    for scores, part in zip(scored, given, strict=True):
                        part.append(answers(scores, classes))
            if number % EVENTS == 0:
                self.clock.seconds()
        return [[(torch.cat([one for one, _ in part]), torch.cat([one for _, one in part])) for part in given]
                for given in parts]  # fmt: skip

    def step(self, images: Tensor) -> list[Tensor]:
        """The logits (batch, classes) of each; the images are moved to the device once."""
        signature = ("evaluate", len(images))
        return self.meter.step(signature, lambda: self.scores(images.to(self.backbone.device)))

    def scores(self, images: Tensor) -> list[Tensor]:
        """The logits of each: all probes from one pass, every other from its own. They are resized once for all."""
        images = to_size(images, self.backbone.image_size)
        probes = [one for one in self.adapted if isinstance(one, Probe)]
        of_probes = iter(score_together(self.backbone, probes, images, self.clock) if probes else [])
        scores = []
        for number, one in enumerate(self.adapted):
            if isinstance(one, Probe):
                scores.append(next(of_probes))
                continue
            self.clock.start()
            scores.append(one.logits(images))
            self.clock.lap(("own", number))
        return scores


def batch_size(backbone: Backbone) -> int:
    """Images a pass: on a GPU as many as half of its free memory takes, elsewhere enough to keep the cores busy."""
    if backbone.device.type != "cuda":
        return min(MOST, max(LEAST, PIXELS // backbone.image_size**2))
    values = max(math.prod(shape) for shape in [(3, backbone.image_size**2), *(tap.shape for tap in backbone.taps)])
    fitting = free_bytes(backbone.device) // 2 // (4 * ALIVE * values)
    return max(1, min(fitting, MOST_ON_GPU, max(LEAST, PIXELS_ON_GPU // backbone.image_size**2)))


def answers(scores: Tensor, possible: Tensor | None) -> Answers:
    """The class (batch,) with the highest score, and minus the logarithm (batch,) of the probability that a softmax of
    the scores gives it; only among the `possible` classes (m,) where they are given.
    """
    among = scores if possible is None else scores[:, possible]
    best = among.argmax(1)
    surprise = functional.cross_entropy(among.float(), best, reduction="none")  # one fused call; the rest can wait
    return best if possible is None else possible[best], surprise


def shares(adapted: Sequence[Adapted], seconds: Mapping[object, float]) -> list[float]:
    """What each took of the seconds of the pass."""
    own = [seconds.get(("own", number), 0.0) for number in range(len(adapted))]
    probes = sum(isinstance(one, Probe) for one in adapted)
    together = sum(seconds.values()) - sum(own)
    return [together / probes if isinstance(one, Probe) else own[number] for number, one in enumerate(adapted)]


def attributed(adapted: Sequence[Adapted], seconds: Mapping[object, float]) -> list[float]:
    """The seconds each would have taken alone: the network, the pooling of what it reads, and its own head."""
    alone = []
    probes = 0
    for number, one in enumerate(adapted):
        if not isinstance(one, Probe):
            alone.append(seconds.get(("own", number), 0.0))
            continue
        read: list[object] = [(name, one.target) for name in one.pieces]
        read += [(name, one.target, NORMS) for name, piece in one.pieces.items() if piece.whole]
        pooling = sum(seconds.get(label, 0.0) for label in read)
        alone.append(seconds.get(FORWARD, 0.0) + pooling + seconds.get(probes, 0.0))
        probes += 1
    return alone
