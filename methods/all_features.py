"""All pooled features of all layers under one l2 penalty: what Head2Toe is without selection, solved to convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers, torch
from bench.registry import method

# l2 over the mean squared length of an example, from strong to weak, so that each solution starts the next.
PATH = tuple(10.0 ** (exponent / 2) for exponent in range(-1, -11, -1))


@method("all_features", family="heads")
@dataclass(frozen=True)
class AllFeatures(ProbeMethod):
    """Multinomial logistic regression on the pooled activations of all layers, each scaled to unit norm an example.

    The loss is mean cross-entropy + l2 · v / 2 · ||W||², where v is the sum of the features' variances. If `l2` is
    None, the validation images choose it from a path of 10 values, the strongest of equals. Then the head is solved on
    all images. It is solved by the inner products of the examples, of which there are fewer than features.
    """

    # Targets as in the official code of Head2Toe (google-research/head2toe @ 6277f63); l2 spans the path.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "target": CategoricalDistribution((512, 2048, 8192)),
        "l2": FloatDistribution(1e-5, 1.0, log=True),
    }
    choices: ClassVar[Mapping[str, Sequence[float]]] = {"l2": PATH}

    target: int = 512
    l2: float | None = None

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head on all features at `l2`, or at the one that the held-out examples choose."""
        design = solvers.unit_norm(examples.features.held, examples.device, examples.taps)
        gram = design.gram(examples.meter)
        l2 = _chosen(gram, examples) if self.l2 is None else self.l2
        kernel = solvers.Kernel(gram, len(examples.labels), examples.meter)
        head = kernel.solve(examples.labels, kernel.zero(examples.classes), l2)
        dual, bias = kernel.on_features(head)
        weight = torch.cat([part.T for part in design.products(dual, examples.meter)])
        return solvers.Head(weight, bias.float(), selected=torch.arange(design.width))


def _chosen(gram: torch.Tensor, examples: solvers.Examples) -> float:
    """The l2 that the held-out examples choose, by heads on the others."""
    kernel, labels = solvers.Kernel(gram, examples.learnt, examples.meter), examples.labels
    l2, _ = solvers.choose_l2(
        PATH,
        kernel.zero(examples.classes),
        lambda head, l2: kernel.solve(labels, head, l2),
        lambda head: int((kernel.others(head).argmax(1) == labels[examples.learnt :]).sum()),
    )
    examples.meter.point("chosen/l2", len(PATH), l2)
    return l2
