"""Paths of l2 penalties: held-out examples choose one of them, or a head is solved for each, one from the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.adapt.grids import L2
from bench.adapt.solvers.examples import Examples
from bench.adapt.solvers.head import Head, zero
from bench.adapt.solvers.logistic import ridge, standardise


def linear_probe(examples: Examples, l2: float | None = None) -> Head:
    """The linear probe: logistic regression on standardised features, solved to convergence on all examples.

    The loss is mean cross-entropy + l2 / 2 · ||W||². If `l2` is None, the held-out examples choose it from the grid, by
    heads on the others, the strongest of equals.
    """
    found = standardise(examples.matrix, examples.meter)
    x, y, learnt, meter = found.coordinates, examples.labels, examples.learnt, examples.meter
    start = zero(x, examples.classes)
    if l2 is None:
        l2 = choose_l2(
            L2,
            start,
            lambda head, l2: ridge(x[:learnt], y[:learnt], head, l2, meter),
            lambda head: int((head.scores(x[learnt:]).argmax(1) == y[learnt:]).sum()),
        )
        meter.point("chosen/l2", len(L2), l2)
    return found.on_features(ridge(x, y, start, l2, meter), meter)


def choose_l2(
    path: Sequence[float], start: Head, solve: Callable[[Head, float], Head], hits: Callable[[Head], int]
) -> float:  # fmt: skip
    """The penalty, of a path from strong to weak, whose head has the most hits: the strongest of equals.

    `solve` finds the head of a penalty from the head before, at first from `start`. `hits` counts what a head gets
    right among examples that it was not fitted on.
    """
    head, best = start, (-1, path[0])
    for l2 in path:
        head = solve(head, l2)
        best = max(best, (hits(head), l2))
    return best[1]


def heads_along(path: Sequence[float], examples: Sequence[Examples]) -> list[Head]:
    """The heads of several penalties on the same features, standardised, each solved from that of the next stronger.

    A head is charged to the meter of its own examples, and the meter is stopped: its clock must not run while the
    others are solved. The coordinates in which all are solved are charged to the strongest.
    """
    order = sorted(range(len(path)), key=lambda place: -path[place])
    first = examples[order[0]]
    found = standardise(first.matrix, first.meter)
    head, heads = zero(found.coordinates, first.classes), {}
    for place in order:
        meter = examples[place].meter
        head = ridge(found.coordinates, first.labels, head, path[place], meter)
        heads[place] = found.on_features(head, meter)
        meter.stop()
    return [heads[place] for place in range(len(path))]
