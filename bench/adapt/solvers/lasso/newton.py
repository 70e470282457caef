"""Newton's method for the group lasso on the rows that are not zero, where its penalty is smooth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.adapt.solvers.softmax import conjugate, cross_entropy, product, softmax_bend
from bench.spec import Meter

CONJUGATE = 25  # conjugate gradients a step, at most
ENOUGH = 1e-3  # of the squared, preconditioned residual


@dataclass(frozen=True)
class Support:
    """The standardised features whose rows are not zero, and a last column of ones, which has no penalty."""

    columns: Tensor  # (n, features + 1)
    rows: Tensor  # (features + 1, n), the same
    penalty: Tensor  # (features + 1,)
    onehot: Tensor  # (classes, n)
    meter: Meter

    def improve(self, weight: Tensor, scores: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Weight (classes, features + 1) and scores (classes, n) after at most `steps` Newton steps."""
        for _ in range(steps):
            loss, chance = cross_entropy(scores, self.onehot)
            norm = weight.norm(dim=0).clamp_min(1e-30)
            unit, pull = weight / norm, self.penalty / norm
            gradient = product(self.meter, (chance - self.onehot) / len(self.columns), self.columns)
            gradient = gradient + self.penalty * unit
            step = self._direction(gradient, chance, unit, pull)
            change = product(self.meter, step, self.rows)
            descent, before = torch.stack([(gradient * step).sum(), loss + self.penalty @ norm]).tolist()
            length = 1.0
            while self._objective(weight + length * step, scores + length * change) > before + 1e-4 * length * descent:
                length /= 2
                if length < 1e-3:
                    return weight, scores
            weight, scores = weight + length * step, scores + length * change
            if length < 1:
                break
        return weight, scores

    def _objective(self, weight: Tensor, scores: Tensor) -> float:
        return float(cross_entropy(scores, self.onehot)[0] + self.penalty @ weight.norm(dim=0))

    def _direction(self, gradient: Tensor, chance: Tensor, unit: Tensor, pull: Tensor) -> Tensor:
        """Newton's step, by conjugate gradients preconditioned with the Hessian's diagonal.

        The Hessian of a row's norm is the projection across the row, divided by the norm.
        """
        count = len(self.columns)
        curvature = product(self.meter, chance * (1 - chance) / count, self.columns.square())
        diagonal = (curvature + pull * (1 - unit.square())).clamp_min(1e-12)

        def bent(direction: Tensor) -> Tensor:
            scores = product(self.meter, direction, self.rows)
            image = product(self.meter, softmax_bend(chance, scores), self.columns)
            return image + pull * (direction - unit * (unit * direction).sum(0))

        return conjugate(bent, gradient, diagonal, CONJUGATE, ENOUGH)
