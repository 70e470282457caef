"""Linear probe: multinomial logistic regression on the backbone's pooled embedding, solved to convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, FloatDistribution

from bench.adapt import grids
from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import probe, solvers
from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split


@method("linear_probe", family="heads")
@dataclass(frozen=True)
class LinearProbe(ProbeMethod):
    """Logistic regression on the pooled embedding; l2 chosen on train800 → val200.

    The loss is mean cross-entropy + l2 / 2 · ||W||² on standardised features. If `l2` is None, the validation images
    choose it from a path of 15 values, the strongest of equals. Then the head is solved on all images.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {"l2": FloatDistribution(1e-6, 10.0, log=True)}
    choices: ClassVar[Mapping[str, Sequence[float]]] = {"l2": grids.L2}
    path: ClassVar[str] = "l2"

    l2: float | None = None

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The head at `l2`, or at the one that the held-out examples choose."""
        return solvers.linear_probe(examples, self.l2)

    @classmethod
    def fit_path(
        cls, variants: Sequence[LinearProbe], backbone: Backbone, train: Split, meters: Sequence[Meter]
    ) -> list[Adapted]:
        """Probes of given l2, solved from the strongest to the weakest, each from the solution before it."""
        path = [variant.l2 for variant in variants if variant.l2 is not None]
        examples = [solvers.read_examples(backbone, train, None, meter) for meter in meters]
        heads = solvers.heads_along(path, examples)
        return [probe.Probe.of(backbone, None, head) for head in heads]
