"""The group lasso on a small working set: accelerated proximal gradient and Newton's method in turns.

Proximal gradient finds which rows are zero. Newton's method on the others then needs few products where proximal
gradient would need thousands (Bareilles, Iutzeler and Malick 2022 study such pairs). Weights are (classes, features),
because products with few classes are fastest in that order. Features are standardised, and the penalty of each row is
scaled instead. A last column of ones, without penalty, carries the intercept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.adapt.solvers.lasso.duality import Point, dual_objective, settle
from bench.adapt.solvers.lasso.newton import Support
from bench.adapt.solvers.softmax import cross_entropy, product
from bench.spec import Meter

BURST = 20  # steps of proximal gradient in a round
NEWTONS = 2  # Newton steps in a round
ROUNDS = 200  # at most
PATIENCE = 20  # rounds without a better gap, after which rounding errors are all that is left


@dataclass(frozen=True)
class State:
    """An iterate on the working set."""

    weight: Tensor  # (classes, features + 1), of standardised features; the last column is the intercept
    scores: Tensor  # (classes, n)


class WorkingSet:
    """The group lasso on some of the features alone, in the precision of `columns`."""

    def __init__(self, columns: Tensor, onehot: Tensor, strength: float, meter: Meter) -> None:
        """`columns` (n, features) are centred, none is constant; `onehot` (classes, n) are the labels."""
        self.scale = columns.square().mean(0).sqrt()
        self.columns = torch.cat([columns / self.scale, torch.ones_like(columns[:, :1])], dim=1)
        self.rows = self.columns.T.contiguous()
        self.exact_onehot, self.onehot = onehot.double(), onehot.to(columns)
        self.strength, self.meter = strength, meter
        self.penalty = torch.cat([strength / self.scale, self.scale.new_zeros(1)])
        self.curvature = 1.0  # of the loss along the last steps, to begin with

    def start(self, weight: Tensor, bias: Tensor) -> State:
        """The state of a weight (classes, features) and a bias (classes,) for the features as they were given."""
        standard = torch.cat([(weight * self.scale).to(self.columns), bias.to(self.columns)[:, None]], dim=1)
        return State(standard, product(self.meter, standard, self.rows))

    def weight(self, state: State) -> Tensor:
        """The weight (classes, features) of a state, for the features as they were given."""
        given: Tensor = state.weight[:, :-1] / self.scale
        return given

    def settled(self, state: State) -> Point:
        """A state with its best intercept, in float64."""
        scores = product(self.meter, state.weight[:, :-1].double(), self.rows[:-1].double())
        return settle(scores, state.weight[:, -1].double(), self.exact_onehot, self.meter)

    def norms(self, point: Point) -> Tensor:
        """||Xᵢᵀ residual||₂ of each feature as it was given, float64 (features,)."""
        standard: Tensor = product(self.meter, point.residual, self.columns[:, :-1].double()).norm(dim=0)
        return standard * self.scale

    def objective(self, state: State, point: Point) -> float:
        """The loss and the penalty of a state, whose point `settled` gives."""
        return point.loss + float(self.penalty.double() @ state.weight.double().norm(dim=0))

    def gap(self, state: State, point: Point) -> float:
        """The duality gap of the problem on these features alone, relative to the objective."""
        shrink = min(1.0, self.strength / max(float(self.norms(point).amax()), 1e-300))
        objective = self.objective(state, point)
        return (objective - dual_objective(point, self.exact_onehot, shrink)) / objective

    def solve(self, state: State, tolerance: float) -> tuple[State, Point]:
        """Solves to a relative duality gap of `tolerance`, or as near as rounding errors allow."""
        best, waited = float("inf"), 0
        for _ in range(ROUNDS):
            state = self._burst(state)
            point = self.settled(state)
            gap = self.gap(state, point)
            waited = 0 if gap < 0.9 * best else waited + 1
            best = min(best, gap)
            if gap <= tolerance or waited > PATIENCE:
                break
            state = self._newton(state)
        return state, point

    def _burst(self, state: State) -> State:
        """FISTA (Beck and Teboulle 2009) with adaptive restarts (O'Donoghue and Candès 2015) and adaptive steps."""
        ahead, age = state, 1.0
        for _ in range(BURST):
            new = self._proximal_step(ahead)
            if ((ahead.weight - new.weight) * (new.weight - state.weight)).sum() > 0:
                age = 1.0
            older, age = age, (1 + (1 + 4 * age * age) ** 0.5) / 2
            push = (older - 1) / age
            ahead = State(
                torch.lerp(state.weight, new.weight, 1 + push), torch.lerp(state.scores, new.scores, 1 + push)
            )
            state = new
        return state

    def _proximal_step(self, state: State) -> State:
        """A step of length 1 / curvature; the curvature is doubled until the loss stays below its quadratic model."""
        loss, chance = cross_entropy(state.scores, self.onehot)
        gradient = product(self.meter, (chance - self.onehot) / len(self.columns), self.columns)
        self.curvature *= 0.95
        while True:
            weight = state.weight - gradient / self.curvature
            shrink = self.penalty / self.curvature / weight.norm(dim=0).clamp_min(1e-30)
            weight = weight * (1 - shrink).clamp_min(0)
            scores = product(self.meter, weight, self.rows)
            moved = weight - state.weight
            reach = self.curvature / 2 * moved.square().sum()
            below = loss + (gradient * moved).sum() + reach
            if cross_entropy(scores, self.onehot)[0] <= below or _bend(chance, scores - state.scores) <= reach:
                return State(weight, scores)
            self.curvature *= 2

    def _newton(self, state: State) -> State:
        """Newton steps on the rows that are not zero and on the intercept."""
        found = state.weight.norm(dim=0) > 0
        found[-1] = True
        kept = found.nonzero()[:, 0]
        support = Support(
            self.columns[:, kept].contiguous(), self.rows[kept], self.penalty[kept], self.onehot, self.meter
        )
        weight, scores = support.improve(state.weight[:, kept], state.scores, NEWTONS)
        return State(state.weight.index_copy(1, kept, weight), scores)


def _bend(chance: Tensor, change: Tensor) -> Tensor:
    """A bound on how far the loss rises above its tangent when the scores change, computed without cancellation.

    Softmax's third derivative is at most its second times r, the range of the change. So the loss is above its tangent
    by at most (exp(r) - r - 1) / r² times the variance of the change (Bach 2010, proposition 1: self-concordance).
    """
    spread = (change.amax(0) - change.amin(0)).clamp_min(1e-3)
    centred = change - (chance * change).sum(0)
    variance = (chance * centred.square()).sum(0)
    return ((spread.exp() - spread - 1) / spread.square() * variance).mean()
