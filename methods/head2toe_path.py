"""Head2Toe by an exact solver: its group lasso along a path of penalties, of which the validation images choose one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor

    from bench.heads import Head
    from bench.lasso import Design, Solution

PATH = tuple(0.64**step for step in range(4, 15))  # penalties over the one that keeps no feature
L2 = (0.03, 0.01)  # of heads that are fitted again on standardised kept features


@dataclass(frozen=True)
class Choice:
    """A solution of the path, and the l2 of the head fitted again on its features; None for its own, penalised head."""

    solution: Solution
    l2: float | None


@method("head2toe_path")
@dataclass(frozen=True)
class Head2ToePath:
    """Selects features of every layer by a group lasso that is solved, so that which ones and how many needs no tuning.

    Each layer's activations are pooled to about `target` numbers and scaled to unit norm an example, as in Head2Toe.
    The group lasso on all of them is solved along falling penalties; the validation images choose the penalty, and
    whether its own head is the last one or one fitted again to the kept features with an l2 penalty instead, the fewest
    features of equals. Then both are solved on all images. `penalty`, a fraction of the least one that keeps no
    feature, can be given instead of the path.
    """

    # Targets as in the official code of Head2Toe (google-research/head2toe @ 6277f63); the penalty spans the path.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "penalty": FloatDistribution(0.002, 0.2, log=True),
    }
    frozen: ClassVar[bool] = True
    folds: ClassVar[int] = 1

    target: int = 512
    penalty: float | None = None

    @property
    def passes(self) -> float:
        return 1.0

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        import torch  # here and below, so that listing methods stays light

        from bench.features import features, taps
        from bench.lasso import GroupLasso, unit_norm
        from bench.probe import Probe

        read = features(backbone, train.images, self.target, meter)
        names = [tap.name for tap in taps(backbone, self.target)]
        design = unit_norm(read.blocks, backbone.device, names)
        labels = torch.from_numpy(train.labels).to(backbone.device)
        kept = len(labels) - (train.validation or len(labels) // 5)
        chosen = self._choose(design, labels, kept, train.classes, meter)
        model = GroupLasso(design, labels, train.classes, meter)
        solution = model.solve(chosen.solution.strength, chosen.solution)
        head = _head(Choice(solution, chosen.l2), design.columns(solution.rows), labels, meter)
        return Probe(backbone, self.target, solution.rows.cpu(), design.width, head.weight, head.bias, whole=True)

    def _choose(self, design: Design, labels: Tensor, kept: int, classes: int, meter: Meter) -> Choice:
        """The choice with the most hits among the examples from `kept` on, by solutions on those before."""
        from bench.lasso import GroupLasso

        model = GroupLasso(design.first(kept), labels[:kept], classes, meter)
        best, most = None, -1
        for fraction in PATH if self.penalty is None else (self.penalty,):
            solution = model.solve(fraction * model.strongest)
            x = design.columns(solution.rows)
            for l2 in (None, *L2):
                head = _head(Choice(solution, l2), x[:kept], labels[:kept], meter)
                hits = int(((x[kept:] @ head.weight + head.bias).argmax(1) == labels[kept:]).sum())
                if hits > most:
                    best, most = Choice(solution, l2), hits
        assert best is not None
        return best

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from bench.probe import restore  # here, so that listing methods stays light

        return restore(backbone, self.target, stored, whole=True)


def _head(choice: Choice, features: Tensor, labels: Tensor, meter: Meter) -> Head:
    """The head of a choice on the kept features (n, kept)."""
    from bench.heads import Head
    from bench.ridge import ridge

    own = Head(choice.solution.weight, choice.solution.bias)
    if choice.l2 is None:
        return own
    mean, scale = features.mean(0), features.std(0)
    start = Head(own.weight * scale[:, None], own.bias + mean @ own.weight)
    fitted = ridge((features - mean) / scale, labels, start, choice.l2, meter)
    weight = fitted.weight / scale[:, None]
    return Head(weight, fitted.bias - mean @ weight)
