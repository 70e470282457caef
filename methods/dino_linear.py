"""The linear probe of DINO and DINOv2: class tokens of the last blocks, and the mean patch token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.lazy import features, last_blocks, probe, solvers, torch
from bench.registry import method
from bench.spec import Backbone, Meter, Method, Split, UserError

BLOCKS, AVGPOOL = (1, 4), (False, True)


@method("dino_linear", family="heads", extra=True)
@dataclass(frozen=True)
class DinoLinear(Method):
    """Logistic regression on the normalised class tokens of the last `blocks`, and with `avgpool` the mean patch token.

    Of a CNN, or a transformer without class token, it reads the pooled maps of the stages before the last, and the
    embedding. The features are standardised and the head is solved to convergence, as `linear_probe`. What is None of
    `blocks`, `avgpool` and `l2` the validation images choose together, the least that is read and the strongest of
    equals.
    """

    # Oquab et al. 2023 (facebookresearch/dinov2 @ b8931f7, dinov2/eval/linear.py): 1 or 4 blocks, with and without the
    # mean patch token, and 13 learning rates, of which validation images choose. Here l2 takes the place of the rates.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "blocks": CategoricalDistribution(BLOCKS),
        "avgpool": CategoricalDistribution(AVGPOOL),
        "l2": FloatDistribution(1e-6, 10.0, log=True),
    }
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"blocks": BLOCKS, "avgpool": AVGPOOL, "l2": grids.L2}
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1
    passes: ClassVar[float] = 1.0

    blocks: int | None = None
    avgpool: bool | None = None
    l2: float | None = None

    def __post_init__(self) -> None:
        """Raises UserError where no block is to be read."""
        if self.blocks == 0:
            raise UserError("dino_linear:blocks=0 reads nothing; choose 1 or more")

    @property
    def target(self) -> last_blocks.LastBlocks:
        """The most that it may read."""
        return last_blocks.LastBlocks(self.blocks or max(BLOCKS), self.avgpool is not False)

    def refusal(self, network: torch.nn.Module) -> str | None:
        """It needs blocks or stages."""
        if last_blocks.stages(network):
            return None
        return f"dino_linear needs blocks that timm lists, and {type(network).__name__} has none"

    def options(self, network: torch.nn.Module) -> list[last_blocks.LastBlocks]:
        """What it may read of this network, from little to much."""
        means = AVGPOOL if self.avgpool is None else (self.avgpool,)
        if not last_blocks.has_class_token(network):
            means = means[:1]
        counts = BLOCKS if self.blocks is None else (self.blocks,)
        return [last_blocks.LastBlocks(count, mean) for count in counts for mean in means]

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> probe.Probe:
        """Reads the training images once, and solves the head on what the validation images choose of it."""
        examples = solvers.read_examples(backbone, train, self.target, meter)
        options, path = self.options(backbone.module), grids.L2 if self.l2 is None else (self.l2,)
        most, best = -1, (options[0], path[0])
        for option in options if len(options) * len(path) > 1 else ():
            part = narrowed(examples, probe.widths(backbone, option))
            l2, hits = solvers.chosen_l2(solvers.standardise(part.matrix, meter), part, path)
            if hits > most:
                most, best = hits, (option, l2)
        target, l2 = best
        self.tell(meter, target, l2)
        part = narrowed(examples, probe.widths(backbone, target))
        head = solvers.at_l2(solvers.standardise(part.matrix, meter), part, l2)
        return probe.Probe.of(backbone, target, head)

    def tell(self, meter: Meter, target: last_blocks.LastBlocks, l2: float) -> None:
        """Keeps in the record what was chosen."""
        for name, value in {"blocks": target.count, "avgpool": target.mean, "l2": l2}.items():
            if getattr(self, name) is None:
                meter.point(f"chosen/{name}", len(self.choices[name]), float(value))

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> probe.Probe:
        """The probe from what it stored, which says what it reads."""
        count, mean = stored["blocks"].tolist()
        return probe.restore(backbone, last_blocks.LastBlocks(count, bool(mean)), stored)


def narrowed(examples: solvers.Examples, widths: Sequence[int]) -> solvers.Examples:
    """The examples with the first features, so many each, of as many of the last taps."""
    held = examples.features.held[-len(widths) :]
    kept = tuple(block[:, :width] for block, width in zip(held, widths, strict=True))
    return replace(examples, features=features.Features(kept), taps=examples.taps[-len(widths) :])
