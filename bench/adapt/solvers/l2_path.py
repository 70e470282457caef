"""Paths of l2 penalties: held-out examples choose one of them, or a head is solved for each, one from the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.adapt.grids import L2
from bench.adapt.solvers.examples import Examples
from bench.adapt.solvers.head import Head, zero
from bench.adapt.solvers.logistic import Standardised, ridge, standardise


def linear_probe(examples: Examples, l2: float | None = None) -> Head:
    """The linear probe: logistic regression on standardised features, solved to convergence on all examples.

    The loss is mean cross-entropy + l2 / 2 · ||W||². If `l2` is None, the held-out examples choose it from the grid, by
    heads on the others, the strongest of equals.
    """
    found = standardise(examples.matrix, examples.meter)
    if l2 is None:
        l2, _ = chosen_l2(found, examples, L2)
        examples.meter.point("chosen/l2", len(L2), l2)
    return at_l2(found, examples, l2)


def at_l2(found: Standardised, examples: Examples, l2: float) -> Head:
    """The linear probe of one penalty on features that have been standardised."""
    start = zero(found.coordinates, examples.classes)
    return found.on_features(ridge(found.coordinates, examples.labels, start, l2, examples.meter), examples.meter)


def chosen_l2(found: Standardised, examples: Examples, path: Sequence[float]) -> tuple[float, int]:
    """The penalty that the held-out examples choose by heads on the others, and its hits."""
    x, y, learnt, meter = found.coordinates, examples.labels, examples.learnt, examples.meter
    return choose_l2(
        path,
        zero(x, examples.classes),
        lambda head, l2: ridge(x[:learnt], y[:learnt], head, l2, meter),
        lambda head: int((head.scores(x[learnt:]).argmax(1) == y[learnt:]).sum()),
    )


def choose_l2(
    path: Sequence[float], start: Head, solve: Callable[[Head, float], Head], hits: Callable[[Head], int]
) -> tuple[float, int]:
    """The penalty, of a path from strong to weak, whose head has the most hits, and them: the strongest of equals.

    `solve` finds the head of a penalty from the head before, at first from `start`. `hits` counts what a head gets
    right among examples that it was not fitted on.
    """
    head, best = start, (-1, path[0])
    for l2 in path:
        head = solve(head, l2)
        best = max(best, (hits(head), l2))
    return best[1], best[0]


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
