"""The path of solutions: one λ after another, each on a working set that grows until the solution is certified."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bench.adapt.solvers.lasso.columns import Columns
from bench.adapt.solvers.lasso.design import Design
from bench.adapt.solvers.lasso.duality import Point, dual_objective, settle
from bench.adapt.solvers.lasso.working_set import WorkingSet
from bench.spec import Meter, UserError

ROOM = 50  # features that a working set takes in at once; more when as many have rows already
GROWTHS = 100  # of a working set, at most
NEVER = 60.0  # how far a class without examples scores below the lowest score of all others


@dataclass(frozen=True)
class Solution:
    """The solution at one λ. Scores are features[:, rows] @ weight + bias, and all other rows are zero."""

    strength: float  # λ
    rows: Tensor  # int64 (kept,), sorted
    weight: Tensor  # (kept, classes)
    bias: Tensor  # (classes,)
    objective: float
    gap: float  # duality gap over all features, relative to the objective


@dataclass(frozen=True)
class _Anchor:
    """A point of the path, over the classes that have examples, with the norm of every feature's gradient."""

    strength: float
    rows: Tensor  # (kept,)
    weight: Tensor  # (present classes, kept)
    point: Point
    norms: Tensor  # ||Xᵢᵀ residual||, float32 (width,)


class GroupLasso:
    """The group lasso of one design and its labels. It is solved for falling λ, each solution from the one before.

    Of equal features only the first gets a row, and a constant feature gets none. A class without examples gets a bias
    so low that it is never chosen. On a CPU the same input has the same solutions.
    """

    def __init__(self, design: Design, labels: Tensor, classes: int, meter: Meter, tolerance: float = 1e-4) -> None:
        """`labels` int64 (n,) in 0..classes-1; `tolerance` is the relative duality gap at which a solution is done.

        Raises UserError when features are not finite, or say nothing about the classes.
        """
        self.design, self.classes, self.meter, self.tolerance = design, classes, meter, tolerance
        self.present, compact = labels.to(design.device).unique(return_inverse=True)
        self.onehot = functional.one_hot(compact, len(self.present)).T.double().contiguous()
        self.columns = Columns(design, torch.float32 if tolerance >= 1e-5 else torch.float64)
        none = torch.zeros(0, dtype=torch.int64, device=design.device)
        self.anchor = self._anchor(torch.inf, none, self.onehot.new_zeros(len(self.present), 0))
        self.strongest = self._strongest()  # λ from which on all rows are zero

    def solve(self, strength: float, start: Solution | None = None, rough: float = 0.0) -> Solution:
        """The solution at λ = `strength`, from the one before, or from `start`, which may be one of other examples.

        A solution that only starts others may have a duality gap of `rough`. Raises UserError when λ keeps no feature,
        or when rounding errors keep the gap above the tolerance.
        """
        if strength >= self.strongest:
            raise UserError(f"a penalty of {strength:g} keeps no feature; choose one below {self.strongest:g}")
        if start is not None:
            usable = self.columns.usable(start.rows.to(self.design.device))
            kept = torch.isin(start.rows.to(self.design.device), usable)
            weight = start.weight.to(self.onehot)[kept][:, self.present].T
            self.anchor = self._anchor(start.strength, usable, weight)
        last = self.anchor
        threshold = min(strength, 2 * strength - last.strength)  # the strong rule (Tibshirani et al. 2012)
        rows = torch.cat([last.rows, self._candidates(last, threshold)]).unique()
        tolerance = max(self.tolerance, rough)
        inner_tolerance = tolerance / 2
        for _ in range(GROWTHS):
            gap, objective = self._solve_on(rows, strength, inner_tolerance)
            if gap <= tolerance:
                return self._solution(objective, gap)
            new = self._candidates(self.anchor, strength, rows)
            if not len(new):
                inner_tolerance /= 4
            rows = torch.cat([rows, new]).unique()
        raise UserError(
            f"the group lasso at a penalty of {strength:g} stays {gap:.1g} from its optimum; allow that tolerance"
        )

    def near(self, count: int) -> Tensor:
        """The features of the last solution and those of the largest gradients after them, `count` in all.

        Each feature of the solution has a gradient of norm λ. Of nearly equal features the group lasso keeps a few, and
        the others' gradients are just below λ. A head without the penalty is better with more of them.
        """
        norms = self.anchor.norms.clone()
        norms[self.anchor.rows] = torch.inf
        nearest = norms.argsort(descending=True, stable=True)[: max(count, len(self.anchor.rows))]
        return self.columns.usable(nearest.sort().values)

    def _solve_on(self, rows: Tensor, strength: float, tolerance: float) -> tuple[float, float]:
        """Moves the anchor to the optimum on these rows; the relative gap over all features, and the objective."""
        work = WorkingSet(self.columns.centred(rows), self.onehot, strength, self.meter)
        weight = self.onehot.new_zeros(len(self.present), len(rows))
        weight[:, torch.searchsorted(rows, self.anchor.rows)] = self.anchor.weight
        state, point = work.solve(work.start(weight, self.anchor.point.bias), tolerance)
        norms = self._norms(point)
        norms[rows] = work.norms(point).float()
        weight = work.weight(state).double()
        kept = (weight != 0).any(0)
        self.anchor = _Anchor(strength, rows[kept], weight[:, kept], point, norms)
        objective = work.objective(state, point)
        shrink = min(1.0, strength / float(norms.max()))
        return (objective - dual_objective(point, self.onehot, shrink)) / objective, objective

    def _candidates(self, anchor: _Anchor, threshold: float, taken: Tensor | None = None) -> Tensor:
        """The features of the largest gradients, at least `threshold`: as many as there is room for, and ties."""
        norms = anchor.norms.clone()
        norms[anchor.rows if taken is None else taken] = -1
        found = norms >= max(threshold, 0)
        room = max(ROOM, len(anchor.rows))
        if int(found.sum()) > room:
            found &= norms >= norms.topk(room).values[-1] * (1 - 1e-5)
        return self.columns.usable(found.nonzero()[:, 0])

    def _norms(self, point: Point) -> Tensor:
        norms = self.design.norms(point.residual, self.meter)
        norms[self.columns.unusable()] = 0
        return norms

    def _anchor(self, strength: float, rows: Tensor, weight: Tensor) -> _Anchor:
        scores = weight @ self.columns.centred(rows).double().T
        point = settle(scores, self.onehot.mean(1).log(), self.onehot, self.meter)
        return _Anchor(strength, rows, weight, point, self._norms(point))

    def _strongest(self) -> float:
        """The largest gradient of a usable feature where all rows are zero."""
        norms = self.anchor.norms
        for _ in range(GROWTHS):
            top = norms.topk(min(ROOM, len(norms))).indices.sort().values
            if len(self.columns.usable(top)) == len(top):
                break
            norms[self.columns.unusable()] = 0
        strongest = float(norms.max())
        if strongest == 0:
            raise UserError("no feature differs between the classes of the training images; give it other images")
        return strongest

    def _solution(self, objective: float, gap: float) -> Solution:
        """The anchor as a solution over all classes, for features that are not centred."""
        anchor = self.anchor
        scores = anchor.weight @ self.columns.centred(anchor.rows).double().T + anchor.point.bias[:, None]
        weight = anchor.weight.new_zeros(len(anchor.rows), self.classes)
        weight[:, self.present] = anchor.weight.T
        bias = anchor.weight.new_full((self.classes,), float(scores.min()) - NEVER)
        bias[self.present] = anchor.point.bias
        bias = bias - self.columns.means(anchor.rows) @ weight
        return Solution(anchor.strength, anchor.rows, weight.float(), bias.float(), objective, gap)
